import { isDeepStrictEqual } from "node:util";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import { Secret } from "../../core/secret.js";
import { commandCause } from "../../rotation/causes.js";
import type { Credential, CredentialPatch, FieldChange } from "../../vault/port.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { pathText } from "../describe.js";
import { formatMetadata, type Metadata, metadataOf, parseMetadata } from "../edit-document.js";
import { editText, namedEditor } from "../editor.js";
import { currentOf, otherType } from "../field-option.js";
import { findCredential } from "../reference.js";
import { credentialShape } from "../shape.js";

export const edit: CommandDefinition = {
  name: "edit",
  summary: "change what is no secret of a credential: user name, address, note, tags, text fields",
  description: [
    "Without options, opens what is no secret of a credential in `$VISUAL` or `$EDITOR`, as YAML, and writes what was saved. A text that can't be taken is shown again, with the reason; one that is saved unchanged ends it, and nothing is changed. No secret is ever in that file.",
    "With options it changes what they name and asks nothing: for scripts. An empty text clears. Values are given by `coffre put`.",
    "If somebody else changed the same credential meanwhile, it ends with a conflict and overwrites nothing. What a program declares is the program's: its next update brings that back.",
  ],
  arguments: [{ name: "<ref>", description: "the credential" }],
  options: [
    { flags: "--username <text>", description: "whom the password belongs to; not of a credential with a target" },
    { flags: "--entry-url <text>", description: "where it is used" }, // --url is the vault's
    { flags: "--description <text>", description: "a note for people" },
    { flags: "--tags <words>", description: "all its tags, with commas between them" },
    { flags: "--set <name=text...>", description: "text fields, which anybody may see who sees the credential" },
    { flags: "--remove-field <name...>", description: "takes fields of any type away; their history stays" },
  ],
  examples: [
    { command: "coffre edit Partners/mail-api", does: "in your editor" },
    {
      command: "coffre edit Partners/mail-api --description 'ask the mail team' --set contact=ana@example.com",
      does: "from a script",
    },
    { command: "coffre edit Partners/mail-api --remove-field tls.key", does: "take a field away" },
  ],
  json: "The credential after the change, as `coffre get --json` shows it.",
  exits: [
    { code: 2, when: "what was saved or given can't be taken" },
    { code: 5, when: "somebody else changed it meanwhile" },
  ],
  takesReferences: true,
  async run(context, input) {
    const { terminal, clock } = context;
    const vault = await context.vault();
    const before = await findCredential(vault, input.args[0] ?? "");
    if (before.archivedAt !== undefined) {
      throw new CoffreError("CONFLICT", `${pathText(before)} is archived`, {
        hint: "Bring it back first, by `adopt`.",
      });
    }
    const removed = wordsOf(input.options["removeField"]);
    const asked = byOptions(before, input) ?? (await byEditor(context, before));
    const patch = asked && changesOf(before, asked, removed);
    if (patch) await vault.updateCredential(before.id, patch);
    const after = patch ? await vault.readCredential(before.id) : before;
    if (context.json) terminal.json(await credentialShape(await vault.identity(), after, clock.now()));
    else terminal.print(patch ? `${pathText(after)}: changed.` : `${pathText(after)}: nothing was changed.`);
    if (patch && before.owned)
      terminal.note("A Pulumi stack made it: what its program declares comes back with an update.");
  },
};

/** What the options ask for; `undefined` if there is none. @throws CoffreError INVALID_INPUT, NOT_FOUND */
function byOptions(before: Credential, { options }: CommandInput): Metadata | undefined {
  const text = (name: string) => (typeof options[name] === "string" ? options[name] : undefined);
  const [sets, removes] = [wordsOf(options["set"]), wordsOf(options["removeField"])];
  const given = [text("username"), text("entryUrl"), text("description"), text("tags")].some(
    (one) => one !== undefined,
  );
  if (!given && sets.length === 0 && removes.length === 0) return undefined;
  const unknown = removes.find((name) => !before.fields.some((field) => field.name === name));
  if (unknown !== undefined) {
    throw new CoffreError("NOT_FOUND", `${pathText(before)} has no field ${JSON.stringify(unknown)}`, {
      hint: "`coffre get` shows its fields.",
    });
  }
  const now = metadataOf(before);
  const fields = { ...now.fields };
  for (const set of sets) {
    const equals = set.indexOf("=");
    if (equals < 1 || equals === set.length - 1) {
      throw new CoffreError("INVALID_INPUT", "--set takes <name>=<text>", {
        hint: "--remove-field takes a field away.",
      });
    }
    fields[set.slice(0, equals)] = set.slice(equals + 1);
  }
  for (const name of removes) delete fields[name];
  const or = (name: string, present: string | null) => {
    const wanted = text(name);
    return wanted === undefined ? present : wanted === "" ? null : wanted;
  };
  const tags = text("tags");
  return {
    username: or("username", now.username),
    url: or("entryUrl", now.url),
    description: or("description", now.description),
    tags: tags === undefined ? now.tags : tags.split(",").flatMap((tag) => tag.trim() || []),
    fields,
  };
}

/** @returns `undefined` if the text was left as it is */
async function byEditor({ env, terminal }: CommandContext, before: Credential): Promise<Metadata | undefined> {
  if (!terminal.canAsk && !namedEditor(env)) {
    throw new CoffreError("INVALID_INPUT", "There is no terminal for an editor", {
      hint: "Change it by options (`coffre edit --help`), or name an editor that needs none in EDITOR.",
    });
  }
  const original = formatMetadata(before, metadataOf(before));
  for (let shown = original; ;) {
    const saved = await editText(shown, env);
    if (saved === original || saved === shown) return undefined;
    try {
      return parseMetadata(saved);
    } catch (error) {
      if (!isCoffreError(error, "INVALID_INPUT") || !terminal.canAsk) throw error;
      shown = `# ${error.problem}. Save it unchanged to give up.\n${saved.replace(/^# The text can't be taken: .*\n/, "")}`;
    }
  }
}

/** What has to be written, with what was seen before; `undefined` if nothing. @throws CoffreError INVALID_INPUT */
function changesOf(before: Credential, asked: Metadata, removed: readonly string[]): CredentialPatch | undefined {
  const now = metadataOf(before);
  const { fields: _now, ...seen } = now;
  const { fields, ...plain } = asked;
  if (plain.username !== seen.username && before.targets.length > 0) {
    throw new CoffreError("INVALID_INPUT", `The user name of ${pathText(before)} is its target's account`, {
      hint: "Change it in the program that declares the target.",
    });
  }
  const changes: FieldChange[] = [];
  for (const [name, text] of Object.entries(fields)) {
    if (now.fields[name] === text) continue;
    const type = before.fields.find((field) => field.name === name)?.type ?? "text";
    if (type !== "text") throw otherType(`The field ${name}`, type, "text");
    const expected = expectedOf(before, name);
    changes.push({ change: "put", name, type: "text", value: new Secret(text), cause: commandCause("edit"), expected });
  }
  for (const name of new Set([...removed, ...Object.keys(now.fields).filter((one) => !(one in fields))])) {
    changes.push({ change: "remove", name, expected: expectedOf(before, name) });
  }
  if (isDeepStrictEqual(plain, seen) && changes.length === 0) return undefined;
  return { ...plain, fields: changes, expected: seen };
}

function expectedOf({ fields }: Credential, name: string): number {
  const field = fields.find((one) => one.name === name);
  return (field && currentOf(field)) ?? 0;
}

function wordsOf(option: unknown): string[] {
  return Array.isArray(option) ? option.filter((word) => typeof word === "string") : [];
}
