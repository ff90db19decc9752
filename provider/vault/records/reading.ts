import { CoffreError } from "../../core/errors.js";
import { type FieldType, PASSWORD_FIELD } from "../../core/field.js";
import type { Secret } from "../../core/secret.js";
import { usernameOf } from "../port-accounts.js";
import type { CredentialStatus, ValueAnswer, ValueRequest } from "../port.js";
import { credentialGone, logEvent, named, type VaultContext } from "./context.js";
import { pathOf, rowStatus } from "./credential-view.js";
import type { CredentialRow, FieldRow, ReadRows, WriteRows } from "./rows.js";
import { findCategoryId, Tree } from "./tree.js";

/** The rules of `Vault.readMany`: one event names every entry whose value is in the answer. */
export function readMany(
  tx: WriteRows,
  context: VaultContext,
  requests: readonly ValueRequest[],
): (ValueAnswer | Error)[] {
  const tree = new Tree(tx);
  const found = requests.map((request) => inPlace(() => findVersion(tx, tree, context, request)));
  const wanted = found.flatMap((place) => (place instanceof CoffreError ? [] : [place]));
  const values = tx.values(wanted.map(({ row, key, version }) => ({ credentialId: row.id, field: key, version })));
  const valueOf = new Map(wanted.map((place, index) => [place, values[index]]));
  const answers = found.map((place) => {
    if (place instanceof CoffreError) return place;
    const value = valueOf.get(place);
    return value instanceof CoffreError ? value : answer(place, value);
  });

  const read = answers.flatMap((one) => (one instanceof CoffreError || one.type === "text" ? [] : [one]));
  if (read.length > 0) logRead(tx, context, read);
  return answers;
}

function logRead(tx: WriteRows, context: VaultContext, read: readonly ValueAnswer[]): void {
  const only = read.length === 1 ? read[0] : undefined;
  const ids = [...new Set(read.map(({ id }) => id))];
  const fields = [...new Set(read.map(({ field }) => field))].filter((field) => field !== PASSWORD_FIELD);
  logEvent(tx, context, "credential.read", ids, {
    ...(only ? { version: only.version } : {}),
    ...(fields.length === 0 ? {} : { detail: fields.join(", ") }),
  });
}

/** What a request means, before its value is read. */
interface FoundVersion {
  row: Readonly<CredentialRow>;
  path: string[];
  field: string;
  /** Where the field's values are. */
  key: string;
  type: FieldType;
  version: number;
}

function findVersion(tx: ReadRows, tree: Tree, context: VaultContext, request: ValueRequest): FoundVersion {
  const row = findRow(tx, request);
  if (context.mayRead?.(row.categoryId) === false) throw mayNotRead(context.actor, request, row.id);
  const path = pathOf(tree, row);
  const name = request.field ?? PASSWORD_FIELD;
  const wanted = request.version ?? "current";
  if (name === PASSWORD_FIELD) {
    const found = pickVersion(row.versions, wanted);
    if (!found) throw noVersion(row, path, wanted);
    if (found.valueRemovedAt !== undefined) throw valueRemoved(row, path, found.number, found.valueRemovedAt);
    return { row, path, field: name, key: name, type: "secret", version: found.number };
  }
  const field = row.fields?.find((one) => one.name === name);
  if (!field) {
    throw new CoffreError("NOT_FOUND", `Credential ${named(path, row.id)} has no field ${JSON.stringify(name)}`, {
      hint: "`coffre get` shows its fields.",
      details: { credentialId: row.id },
    });
  }
  const found = pickVersion(field.versions, wanted);
  if (!found) throw noFieldVersion(row, path, field, wanted);
  return { row, path, field: name, key: field.id, type: found.type, version: found.number };
}

/** By the name that was asked for: who asked by an id learns no path by it. */
function mayNotRead(actor: string, { path }: ValueRequest, credentialId: string): CoffreError {
  const what = path === undefined ? credentialId : JSON.stringify(path.join("/"));
  return new CoffreError("FORBIDDEN", `${actor} may not read credential ${what}`, {
    hint: "A manager of its category, or an administrator, can give the right by a grant.",
    details: { credentialId },
  });
}

function answer(found: FoundVersion, value: Secret | undefined): ValueAnswer | CoffreError {
  const { row, path, field, type, version } = found;
  const { id } = row;
  // A field goes with the login in force, a password with its own.
  const username = usernameOf(row, field === PASSWORD_FIELD ? version : undefined);
  if (!value) {
    return new CoffreError("CORRUPT", `The value of version ${version} of ${named(path, id)} is missing`, {
      hint: "Run `coffre vault check`.",
      details: { table: "value", id, version },
    });
  }
  return {
    id,
    path,
    ...(username === undefined ? {} : { username }),
    field,
    type,
    version,
    status: rowStatus(row),
    value,
  };
}

function inPlace<T>(work: () => T): T | CoffreError {
  try {
    return work();
  } catch (error) {
    if (error instanceof CoffreError) return error;
    throw error;
  }
}

function findRow(tx: ReadRows, { id, path = [] }: ValueRequest): Readonly<CredentialRow> {
  const found = id ?? findCredentialId(tx, path);
  const row = found === undefined ? undefined : tx.glimpse(found);
  if (row) return row;
  if (id !== undefined) throw credentialGone(id);
  throw new CoffreError("NOT_FOUND", `There is no credential ${JSON.stringify(path.join("/"))}`, {
    hint: "`coffre list` shows the tree, `coffre list --archived` what was taken out of it, to be named by its id.",
  });
}

/** The live credential at a path whose last segment is its name, by its id. */
export function findCredentialId(tx: ReadRows, path: readonly string[]): string | undefined {
  const name = path.at(-1);
  if (name === undefined) return undefined;
  const categoryId = findCategoryId(tx, path.slice(0, -1));
  return categoryId === undefined ? undefined : tx.credentialNamed(categoryId, name.normalize("NFC"));
}

type WantedVersion = NonNullable<ValueRequest["version"]>;

/** `previous` is the newest of the previous ones; a number may be of any state. */
export function pickVersion<Version extends { number: number; state: string }>(
  versions: readonly Version[],
  wanted: WantedVersion,
): Version | undefined {
  let newest: Version | undefined;
  for (const version of versions) {
    const fits = typeof wanted === "number" ? version.number === wanted : version.state === wanted;
    if (fits && version.number > (newest?.number ?? 0)) newest = version;
  }
  return newest;
}

const FIRST_VALUE: Partial<Record<CredentialStatus, string>> = {
  "awaiting-value": "`coffre put` gives it its first value.",
  "awaiting-rotation": "`coffre resume` draws and sets it, or says what the target isn't ready for.",
};

function noVersion(row: Readonly<CredentialRow>, path: readonly string[], wanted: WantedVersion): CoffreError {
  const status = rowStatus(row);
  return new CoffreError("NOT_FOUND", `Credential ${named(path, row.id)} has no ${words(wanted)}; it is ${status}`, {
    hint: FIRST_VALUE[status] ?? "`coffre history` lists its versions.",
    details: { credentialId: row.id, status },
  });
}

function valueRemoved(row: Readonly<CredentialRow>, path: readonly string[], version: number, at: string): CoffreError {
  return new CoffreError(
    "NOT_FOUND",
    `The value of version ${version} of ${named(path, row.id)} was removed at ${at}`,
    {
      hint: "Two newer versions were proven, and 30 days had passed since it was replaced: this vault keeps it no longer.",
      details: { credentialId: row.id, version },
    },
  );
}

function noFieldVersion(
  row: Readonly<CredentialRow>,
  path: readonly string[],
  { name, versions, removedAt }: FieldRow,
  wanted: WantedVersion,
): CoffreError {
  const now =
    removedAt !== undefined
      ? `; it was removed at ${removedAt}`
      : versions.some(({ state }) => state === "current")
        ? ""
        : "; it awaits its value";
  const what = `The field ${name} of credential ${named(path, row.id)}`;
  return new CoffreError("NOT_FOUND", `${what} has no ${words(wanted)}${now}`, {
    hint:
      versions.length === 0
        ? `\`coffre put --field ${name}\` gives it its first value.`
        : `\`coffre history --field ${name}\` lists its versions.`,
    details: { credentialId: row.id, field: name },
  });
}

function words(wanted: WantedVersion): string {
  return typeof wanted === "number" ? `version ${wanted}` : `${wanted} version`;
}
