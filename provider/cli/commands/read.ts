import { CoffreError } from "../../core/errors.js";
import { fileBytes } from "../../core/field.js";
import { totpCode } from "../../core/totp.js";
import { referenceOf, resolveReference } from "../../rotation/resolve-reference.js";
import type { Credential, ValueAnswer } from "../../vault/port.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";
import { writePrivateFile } from "../output-file.js";
import { parseTyped } from "../reference.js";
import { warnOfStatus } from "../status-warning.js";

/** What is handed over: the value's bytes, and how `--json` shows them. */
interface Shown {
  bytes: Buffer;
  text: string;
  encoding: "utf8" | "base64";
  /** Of a code: seconds until the next one. */
  secondsLeft?: number;
}

export const read: CommandDefinition = {
  name: "read",
  summary: "print a value, and nothing else",
  description: [
    "Prints a credential's value on stdout, and only that: `$(coffre read …)` is the value. Each read is an event in the vault's log, written before the value is shown.",
    "A version is asked for in the reference: `?version=previous`, `?version=pending` or `?version=3` (quote it for the shell). While a rotation is under way, or a person has to decide, a warning on stderr says so: the target may then know another version.",
    "A field is asked for by `?field=…`. Of one-time codes it is the code of this moment; the seed itself only with --totp-seed. A file comes byte for byte, without a line end.",
  ],
  arguments: [{ name: "<ref>", description: "the credential, with ?version=… or ?field=… if another value is meant" }],
  options: [
    { flags: "-n, --no-newline", description: "no line end after the value" },
    { flags: "-o, --output <file>", description: "write exactly the value to this file (mode 0600), not to stdout" },
    { flags: "--totp-seed", description: "the seed of one-time codes: who has it can make all codes to come" },
  ],
  examples: [
    {
      command:
        'PGPASSWORD="$(coffre read Databases/orders-app)" psql "host=db.example.com user=orders_app dbname=orders"',
      does: "log in with it, without showing it",
    },
    { command: "coffre read 'Databases/orders-app?version=previous'", does: "the value before the last rotation" },
    { command: "coffre read -n Databases/orders-app | wl-copy", does: "hand it to the clipboard as it is" },
    { command: "coffre read 'Partners/mail-api?field=totp'", does: "the one-time code of this moment" },
    {
      command: "coffre read 'Partners/mail-api?field=tls.key' --output server.key",
      does: "put a file back where a server wants it",
    },
  ],
  json: "An object: `ref`, `id`, `version`, `status`, `username`, `field`, `type`, `encoding` (`utf8`, or `base64` for a file) and `value`, which is the secret; of a one-time code also `secondsLeft`. With --output `value` is `null`.",
  exits: [{ code: 3, when: "no such credential, version or field; or nobody has given it a value yet" }],
  takesReferences: true,
  async run(context, { args: [ref = ""], options }) {
    const { terminal } = context;
    const vault = await context.vault();
    const reference = await parseTyped(vault, ref);
    const credential = await resolveReference(vault, reference);
    const { field, version } = reference;
    const seed = options["totpSeed"] === true;
    if (seed) refuseOtherThanSeed(credential, field);
    const request = {
      id: credential.id,
      ...(field === undefined ? {} : { field }),
      ...(version === undefined ? {} : { version }),
    };
    const [answer] = await vault.readMany([request]);
    if (answer === undefined) throw new CoffreError("BAD_RESPONSE", "The vault answered no value");
    if (answer instanceof Error) throw answer;
    warnOfStatus(context, answer);

    const shown = show(answer, seed, context.clock.now());
    const output = typeof options["output"] === "string" ? options["output"] : undefined;
    if (output !== undefined) await writePrivateFile(output, shown.bytes);
    if (context.json) {
      const { ref: canonical } = referenceOf(await vault.identity(), answer);
      const { text, encoding, secondsLeft } = shown;
      terminal.json({
        ref: canonical,
        id: answer.id,
        version: answer.version,
        status: answer.status,
        username: answer.username ?? null,
        field: answer.field,
        type: answer.type,
        encoding,
        value: output === undefined ? text : null,
        ...(secondsLeft === undefined ? {} : { secondsLeft }),
      });
    } else if (output === undefined) {
      const newline = answer.type === "file" || options["newline"] === false ? "" : "\n";
      terminal.write(Buffer.concat([shown.bytes, Buffer.from(newline)]));
      const { secondsLeft } = shown;
      if (secondsLeft !== undefined && process.stdout.isTTY) terminal.note(`good for ${String(secondsLeft)} s`);
    }
  },
};

function show({ type, value }: ValueAnswer, seed: boolean, now: Date): Shown {
  if (type === "file") {
    return { bytes: fileBytes(value), text: value.reveal(), encoding: "base64" };
  }
  const code = type === "totp" && !seed ? totpCode(value, now) : undefined;
  const text = (code?.code ?? value).reveal();
  const shown: Shown = { bytes: Buffer.from(text), text, encoding: "utf8" };
  return code ? { ...shown, secondsLeft: code.secondsLeft } : shown;
}

/** Before anything is read. @throws CoffreError INVALID_INPUT */
function refuseOtherThanSeed({ fields, path }: Credential, name: string | undefined): void {
  const field = fields.find((one) => one.name === name);
  // What isn't there is said by the read itself.
  if (name !== undefined && (field === undefined || field.type === "totp")) return;
  throw new CoffreError("INVALID_INPUT", `--totp-seed is for a field of type totp of ${pathText({ path })}`, {
    hint: "Name it: '<ref>?field=totp'; `coffre get` shows the fields.",
  });
}
