import { CoffreError } from "../../core/errors.js";
import { resolveReference } from "../../rotation/resolve-reference.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";
import { parseTyped } from "../reference.js";
import { referenceOf } from "../../rotation/resolve-reference.js";

export const read: CommandDefinition = {
  name: "read",
  summary: "print a value, and nothing else",
  description: [
    "Prints a credential's value on stdout, and only that: `$(coffre read …)` is the value. Each read is an event in the vault's log, written before the value is shown.",
    "A version is asked for in the reference: `?version=previous`, `?version=pending` or `?version=3` (quote it for the shell). While a rotation is under way, or a person has to decide, a warning on stderr says so: the target may then know another version.",
  ],
  arguments: [{ name: "<ref>", description: "the credential, with ?version=… or ?field=… if another value is meant" }],
  options: [{ flags: "-n, --no-newline", description: "no line end after the value" }],
  examples: [
    {
      command:
        'PGPASSWORD="$(coffre read Databases/orders-app)" psql "host=db.example.com user=orders_app dbname=orders"',
      does: "log in with it, without showing it",
    },
    { command: "coffre read 'Databases/orders-app?version=previous'", does: "the value before the last rotation" },
    { command: "coffre read -n Databases/orders-app | wl-copy", does: "hand it to the clipboard as it is" },
  ],
  json: "An object: `ref`, `id`, `version`, `status`, `username`, `field` and `value`, which is the secret.",
  exits: [{ code: 3, when: "no such credential, version or field; or nobody has given it a value yet" }],
  takesReferences: true,
  async run(context, { args: [ref = ""], options }) {
    const { terminal } = context;
    const vault = await context.vault();
    const reference = await parseTyped(vault, ref);
    const credential = await resolveReference(vault, reference);
    const { field, version } = reference;
    const request = {
      id: credential.id,
      ...(field === undefined ? {} : { field }),
      ...(version === undefined ? {} : { version }),
    };
    const [answer] = await vault.readMany([request]);
    if (answer === undefined) throw new CoffreError("BAD_RESPONSE", "The vault answered no value");
    if (answer instanceof Error) throw answer;

    if (answer.status === "rotating") {
      terminal.warn(`${pathText(answer)} is being rotated: the target may already want the pending version.`);
    } else if (answer.status === "needs-attention") {
      terminal.warn(
        `${pathText(answer)} needs attention: this may not be what the target wants. See \`coffre attention\`.`,
      );
    } else if (answer.status === "archived") {
      terminal.warn(`${pathText(answer)} is archived: nothing keeps its value up to date any more.`);
    }
    if (context.json) {
      const { ref: canonical } = referenceOf(await vault.identity(), answer);
      const { id, username } = answer;
      terminal.json({
        ref: canonical,
        id,
        version: answer.version,
        status: answer.status,
        username: username ?? null,
        field: answer.field,
        value: answer.value.reveal(),
      });
    } else {
      terminal.write(`${answer.value.reveal()}${options["newline"] === false ? "" : "\n"}`);
    }
  },
};
