import { CoffreError } from "../../core/errors.js";
import type { FieldType } from "../../core/field.js";
import { commandCause } from "../../rotation/causes.js";
import { warnUntold } from "./notify.js";
import { checkGiven, giveValue, refuseGiving } from "../../rotation/give.js";
import { referenceOf, resolveReference } from "../../rotation/resolve-reference.js";
import type { Credential, Field } from "../../vault/port.js";
import { bringValue } from "../brought-value.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { pathText } from "../describe.js";
import { currentOf, fieldNamed, fieldsText, otherType, typeNamed } from "../field-option.js";
import { parseCount, parseTyped } from "../reference.js";
import { currentVersion } from "../shape.js";
import { REFUSED_SECRET_OPTIONS, refuseSecretOptions } from "../usage.js";

/** What was put. */
interface Put {
  credential: Credential;
  field: string;
  type: FieldType;
  /** Numbers of the current version, after and before. */
  version: number | undefined;
  previousVersion: number | undefined;
}

export const put: CommandDefinition = {
  name: "put",
  summary: "give a value that people bring: a partner's API key, a seed of one-time codes, a TLS key",
  description: [
    'Gives a new value to a credential whose value people bring (`source: "typed"`), or, with --field, to a field of any credential. The value comes from stdin, from --file, or is asked for without being shown; never from an argument, which every user of the machine could see. Of text, one line end at its end is left out; a file is kept byte for byte.',
    "A password is checked against the category's policy; a seed of one-time codes is base32 or an `otpauth://totp/` address; a file has 1,048,576 bytes at most, a secret 65,536, a text 4,096. Nothing is written if anything is wrong.",
    "The value before it stays in the history. If somebody else gave a value since this command began, it ends with a conflict and overwrites nothing. If the credential needs attention, a new password settles it.",
  ],
  arguments: [{ name: "<ref>", description: "the credential, with ?field=… if a field is meant" }],
  options: [
    { flags: "--field <name>", description: "a field of the credential, not its password" },
    { flags: "--type <type>", description: "text, secret, totp or file; needed for a field that isn't there yet" },
    { flags: "--file <path>", description: "take the value from this file" },
    { flags: "--if-version <number>", description: "only if this is the current version; 0: if there is none" },
    ...REFUSED_SECRET_OPTIONS,
  ],
  examples: [
    { command: "coffre put Partners/mail-api", does: "type it, twice, without seeing it" },
    { command: "pass show mail-api | coffre put Partners/mail-api", does: "take it from another program" },
    {
      command: "coffre put Partners/mail-api --field tls.key --type file --file server.key",
      does: "keep a key's file in a field of its own",
    },
    {
      command: "pass show mail-api-seed | coffre put 'Partners/mail-api?field=totp' --type totp",
      does: "keep the seed of one-time codes; `coffre read` then gives the code",
    },
  ],
  json: "An object: `ref`, `id`, `field`, `type`, `version`, `previousVersion`.",
  exits: [
    { code: 2, when: "the value breaks a rule, or Coffre manages this credential's value itself" },
    { code: 5, when: "somebody else gave a value meanwhile, or a version is pending" },
  ],
  takesReferences: true,
  async run(context, input) {
    const { options } = input;
    refuseSecretOptions(options, "--file");
    const vault = await context.vault();
    const reference = await parseTyped(vault, input.args[0] ?? "");
    if (reference.version !== undefined) {
      throw new CoffreError("INVALID_INPUT", "A new value is a new version: leave ?version=… out");
    }
    const credential = await resolveReference(vault, reference);
    if (credential.archivedAt !== undefined) {
      throw new CoffreError("CONFLICT", `${pathText(credential)} is archived`, {
        hint: "Bring it back first, by `adopt`.",
      });
    }
    const name = fieldNamed(reference, options["field"]);
    const done =
      name === undefined
        ? await putPassword(context, credential, input)
        : await putField(context, credential, name, input);
    if (context.json) {
      const { field, type, version, previousVersion } = done;
      const { ref } = referenceOf(await vault.identity(), done.credential);
      const numbers = { version: version ?? null, previousVersion: previousVersion ?? null };
      context.terminal.json({ ref, id: credential.id, field, type, ...numbers });
    } else {
      const what = name === undefined ? "" : `, field ${name}`;
      context.terminal.print(`${pathText(done.credential)}${what}: version ${String(done.version)} is current.`);
    }
  },
};

async function putPassword(context: CommandContext, credential: Credential, { options }: CommandInput): Promise<Put> {
  refuseManaged(credential);
  refuseGiving(credential);
  const type = typeNamed(options["type"]) ?? "secret";
  if (type !== "secret") throw otherType("The password", "secret", type);
  const current = currentVersion(credential);
  const expected = expectedVersion(credential, "the value", current?.number, options["ifVersion"]);
  const value = await bringValue(context.terminal, { label: pathText(credential), type, ...fileOf(options["file"]) });
  await checkGiven(await context.vault(), credential.categoryId, "The value", value);
  const after = await giveValue(await context.rotation(), credential.id, {
    value,
    cause: commandCause("put"),
    expected,
  });
  warnUntold(context, after);
  noteSource(context, current?.causes ?? []);
  const version = currentVersion(after)?.number;
  return { credential: after, field: "password", type, version, previousVersion: current?.number };
}

async function putField(
  context: CommandContext,
  credential: Credential,
  name: string,
  { options }: CommandInput,
): Promise<Put> {
  const field = credential.fields.find((one) => one.name === name);
  const type = fieldType(credential, name, field, typeNamed(options["type"]));
  const current = field && currentOf(field);
  const expected = expectedVersion(credential, `the field ${name}`, current, options["ifVersion"]);
  const label = `${pathText(credential)}, field ${name}`;
  const value = await bringValue(context.terminal, { label, type, ...fileOf(options["file"]) });
  const change = { change: "put" as const, name, type, value, cause: commandCause("put"), expected };
  const after = await (await context.vault()).updateCredential(credential.id, { fields: [change] });
  noteSource(context, field?.versions.flatMap(({ state, cause }) => (state === "current" ? [cause] : [])) ?? []);
  const now = after.fields.find((one) => one.name === name);
  return { credential: after, field: name, type, version: now && currentOf(now), previousVersion: current };
}

function fileOf(option: unknown): { file?: string } {
  return typeof option === "string" ? { file: option } : {};
}

/** A field that isn't there is a mistake in its name, unless its type was said. */
function fieldType(
  credential: Credential,
  name: string,
  field: Field | undefined,
  asked: FieldType | undefined,
): FieldType {
  if (field && asked !== undefined && asked !== field.type) throw otherType(`The field ${name}`, field.type, asked);
  const type = field?.type ?? asked;
  if (type !== undefined) return type;
  throw new CoffreError("NOT_FOUND", `${pathText(credential)} has no field ${JSON.stringify(name)}`, {
    hint: `To make it, give its --type. ${fieldsText(credential)}.`,
  });
}

/** @throws CoffreError CONFLICT if it isn't so already now, before anybody is asked for a value */
function expectedVersion(credential: Credential, what: string, seen: number | undefined, option: unknown): number {
  const current = seen ?? 0;
  if (option === undefined || parseCount("--if-version", option, { least: 0 }) === current) return current;
  const now = current === 0 ? "none" : String(current);
  throw new CoffreError("CONFLICT", `The current version of ${what} of ${pathText(credential)} is ${now}`, {
    hint: "Nothing was changed: look at `coffre history`.",
    details: { version: current },
  });
}

/** @throws CoffreError INVALID_INPUT */
function refuseManaged(credential: Credential): void {
  if (credential.valueManagedBy === "external") return;
  throw new CoffreError("INVALID_INPUT", `The value of ${pathText(credential)} is managed by Coffre`, {
    hint: '`coffre rotate` draws and sets a new one. For values that people bring declare source: "typed".',
  });
}

/** A program that names a file or a variable will bring that one's value again. */
function noteSource({ terminal }: CommandContext, causes: readonly string[]): void {
  if (!causes.some((cause) => cause.startsWith("source:"))) return;
  terminal.note("The value before came from the source that a program declares: its next revision replaces this one.");
}
