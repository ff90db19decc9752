import { isDeepStrictEqual } from "node:util";
import { Secret } from "../../core/secret.js";
import { checkGiven } from "../../rotation/give.js";
import type { Credential, Field, FieldChange, Vault } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { labelOf, readSource } from "./read-source.js";
import type { CredentialInputs, CredentialState } from "./schema.js";
import { type FieldSource, type ReadSource, typeOf } from "./source.js";

/** What a declaration brings along: read, checked, and not yet written anywhere. */
export interface Brought {
  /** A password that has no version yet. */
  password?: { value: Secret; cause: string };
  /** What brings the entry's fields to what is declared. */
  fields: FieldChange[];
}

/** Why a text that the program declares has a version. */
const DECLARED = "declaration";
const SOURCE = "source:";

/**
 * Reads what is declared and isn't in the vault yet, and says what has to become of the fields. Changes nothing.
 * @param existing the entry, if there is one; @param before its state, of an update
 * @throws CoffreError CONFIGURATION, INVALID_INPUT, POLICY, each naming resource and field
 */
export async function bringAlong(
  context: ResourceContext,
  inputs: CredentialInputs,
  categoryId: string | null,
  { existing, before }: { existing?: Credential; before?: CredentialState },
): Promise<Brought> {
  const { vault } = context;
  const password = await broughtPassword(context, inputs, existing, before);
  if (password) {
    await checkGiven(vault, categoryId, `${labelOf({ credential: inputs.name })}: the value`, password.value);
  }
  return { ...(password ? { password } : {}), fields: await fieldChanges(context, inputs, existing, before) };
}

/** True if all changes are in the vault: they are written together, and with the rest of an entry. */
export function fieldsReached(credential: Credential, changes: readonly FieldChange[]): boolean {
  const fields = new Map(credential.fields.map((field) => [field.name, field]));
  return changes.every((change) => {
    const field = fields.get(change.name);
    if (change.change === "remove") return field === undefined;
    if (change.change === "declare") return field?.type === change.type;
    return change.type === "text"
      ? field?.text === change.value.reveal()
      : field?.versions.some(({ cause }) => cause === change.cause) === true;
  });
}

async function broughtPassword(
  context: ResourceContext,
  inputs: CredentialInputs,
  existing: Credential | undefined,
  before: CredentialState | undefined,
): Promise<Brought["password"]> {
  const { source } = inputs;
  if (!isRead(source)) return undefined;
  const versions = (existing?.versions ?? []).filter(({ state }) => state !== "discarded");
  const known = versions.flatMap(({ causes }) => causes);
  const hasValue = versions.some(({ state }) => state === "current");
  if (hasValue && isDeepStrictEqual(before?.source, source)) return undefined;
  const cause = await newCause(context.vault, source, known, versions.length);
  if (cause === undefined) return undefined;
  const what = { credential: inputs.name, type: "secret" } as const;
  return { value: await readSource(context.rotation.environment, what, source), cause };
}

async function fieldChanges(
  context: ResourceContext,
  inputs: CredentialInputs,
  existing: Credential | undefined,
  before: CredentialState | undefined,
): Promise<FieldChange[]> {
  const { fields = {}, secretFields = {} } = inputs;
  const known = new Map(existing?.fields.map((field) => [field.name, field]));
  const changes: FieldChange[] = [];
  for (const name of Object.keys({ ...before?.fields, ...before?.secretFields })) {
    if (!(name in fields) && !(name in secretFields) && known.has(name)) changes.push({ change: "remove", name });
  }
  for (const [name, text] of Object.entries(fields)) {
    const field = known.get(name);
    if (field && field.type !== "text") changes.push({ change: "declare", name, type: "text" });
    if (field?.type === "text" && field.text === text) continue;
    changes.push({ change: "put", name, type: "text", value: new Secret(text), cause: DECLARED });
  }
  for (const [name, declared] of Object.entries(secretFields)) {
    const type = typeOf(declared);
    const field = known.get(name);
    if (field?.type !== type) changes.push({ change: "declare", name, type });
    const { source } = declared;
    if (!isRead(source)) continue;
    const cause = await fieldCause(context.vault, source, field, type, before?.secretFields?.[name]?.source);
    if (cause === undefined) continue;
    const value = await readSource(
      context.rotation.environment,
      { credential: inputs.name, field: name, type },
      source,
    );
    changes.push({ change: "put", name, type, value, cause });
  }
  return changes;
}

/** The cause of a version that a field's declaration wants; `undefined` if it has it. */
async function fieldCause(
  vault: Vault,
  source: ReadSource,
  field: Field | undefined,
  type: Field["type"],
  sourceBefore: FieldSource | undefined,
): Promise<string | undefined> {
  const versions = field?.versions ?? [];
  const hasValue = field?.type === type && versions.some(({ state }) => state === "current");
  if (hasValue && isDeepStrictEqual(sourceBefore, source)) return undefined;
  const known = hasValue ? versions.map(({ cause }) => cause) : [];
  return newCause(vault, source, known, versions.length);
}

/**
 * Named by source and revision, by a keyed digest. Numbered where an earlier version came from the same, since a source
 * that comes back (1, 2, 1) is read again.
 * @returns `undefined` if the newest version that came from a source came from this one: an interrupted run wrote it
 */
async function newCause(
  vault: Vault,
  source: ReadSource,
  causes: readonly string[],
  versions: number,
): Promise<string | undefined> {
  const place = "file" in source ? ["file", source.file] : ["env", source.env];
  const cause = `${SOURCE}${await vault.digest(JSON.stringify([...place, source.revision]))}`;
  const isSame = (found: string) => found === cause || found.startsWith(`${cause}:`);
  const newest = causes.findLast((found) => found.startsWith(SOURCE));
  if (newest !== undefined && isSame(newest)) return undefined;
  return versions > 0 ? `${cause}:after-${versions}` : cause;
}

function isRead(source: FieldSource | "generated" | undefined): source is ReadSource {
  return typeof source === "object";
}
