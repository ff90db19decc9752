import { isDeepStrictEqual } from "node:util";
import { Secret } from "../../core/secret.js";
import { checkGiven } from "../../rotation/give.js";
import type { Credential, FieldChange } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { labelOf } from "./read-source.js";
import type { CredentialInputs, CredentialState } from "./schema.js";
import { type FieldSource, isDeposit, type ReadSource, typeOf } from "./source.js";
import { fieldHad, findSourced, type Had, newCause, passwordHad } from "./sourced.js";

/** What a declaration brings along: read, checked, and not yet written anywhere. */
export interface Brought {
  /** A password that has no version yet. */
  password?: { value: Secret; cause: string };
  /** What brings the entry's fields to what is declared. */
  fields: FieldChange[];
}

/** What is known besides the declaration. */
interface Known {
  /** The entry, if there is one. */
  existing?: Credential;
  /** Its state, of an update. */
  before?: CredentialState;
  /** Of a preview: what was deposited in a drop-box isn't read, which would be an event of the box, and left out. */
  onlyLook?: boolean;
}

/** Why a text that the program declares has a version. */
const DECLARED = "declaration";

/**
 * Reads what is declared and isn't in the vault yet, and says what has to become of the fields. Changes nothing.
 * @throws CoffreError CONFIGURATION, INVALID_INPUT, POLICY, each naming resource and field
 */
export async function bringAlong(
  context: ResourceContext,
  inputs: CredentialInputs,
  categoryId: string | null,
  known: Known,
): Promise<Brought> {
  const { vault } = context;
  const password = await broughtPassword(context, inputs, known);
  if (password) {
    await checkGiven(vault, categoryId, `${labelOf({ credential: inputs.name })}: the value`, password.value);
  }
  return { ...(password ? { password } : {}), fields: await fieldChanges(context, inputs, known) };
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
  { existing, before, onlyLook = false }: Known,
): Promise<Brought["password"]> {
  const { source } = inputs;
  if (!isRead(source)) return undefined;
  const had = passwordHad(existing);
  if (isKept(source, before?.source, had, onlyLook)) return undefined;
  const found = await findSourced(context, { credential: inputs.name, type: "secret" }, source);
  const cause = found && (await newCause(context.vault, found.place, had));
  return found && cause !== undefined ? { value: await found.read(), cause } : undefined;
}

async function fieldChanges(
  context: ResourceContext,
  inputs: CredentialInputs,
  { existing, before, onlyLook = false }: Known,
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
    const had = fieldHad(field, type);
    if (isKept(source, before?.secretFields?.[name]?.source, had, onlyLook)) continue;
    const found = await findSourced(context, { credential: inputs.name, field: name, type }, source);
    const cause = found && (await newCause(context.vault, found.place, had));
    if (found && cause !== undefined) changes.push({ change: "put", name, type, value: await found.read(), cause });
  }
  return changes;
}

/** True if nothing is to be read: a file or variable was read once for this revision, and a preview takes nothing from a box. */
function isKept(source: ReadSource, sourceBefore: FieldSource | "generated" | undefined, had: Had, onlyLook: boolean) {
  return isDeposit(source) ? onlyLook : had.hasValue && isDeepStrictEqual(sourceBefore, source);
}

function isRead(source: FieldSource | "generated" | undefined): source is ReadSource {
  return typeof source === "object";
}
