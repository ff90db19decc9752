import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { ValueAnswer, ValueRequest, VersionInfo } from "../port.js";
import { credentialGone, logEvent, named, type VaultContext } from "./context.js";
import { pathOf, rowStatus } from "./credential-view.js";
import type { CredentialRow, ReadRows, WriteRows } from "./rows.js";
import { findCategoryId, Tree } from "./tree.js";

/** The field that a request without a field means. */
const PASSWORD = "password";

/** The rules of `Vault.readMany`: one event names every entry whose value is in the answer. */
export function readMany(
  tx: WriteRows,
  context: VaultContext,
  requests: readonly ValueRequest[],
): (ValueAnswer | Error)[] {
  const tree = new Tree(tx);
  const found = requests.map((request) => inPlace(() => findVersion(tx, tree, request)));
  const wanted = found.flatMap((place) => (place instanceof CoffreError ? [] : [place]));
  const values = tx.values(wanted.map(({ row, version }) => ({ credentialId: row.id, version: version.number })));
  const valueOf = new Map(wanted.map((place, index) => [place, values[index]]));
  const answers = found.map((place) => {
    if (place instanceof CoffreError) return place;
    const value = valueOf.get(place);
    return value instanceof CoffreError ? value : answer(place, value);
  });

  const read = answers.flatMap((one) => (one instanceof CoffreError ? [] : [one]));
  if (read.length > 0) {
    const only = read.length === 1 ? read[0] : undefined;
    const ids = [...new Set(read.map(({ id }) => id))];
    logEvent(tx, context, "credential.read", ids, only ? { version: only.version } : {});
  }
  return answers;
}

/** What a request means, before its value is read. */
interface FoundVersion {
  row: Readonly<CredentialRow>;
  path: string[];
  field: string;
  version: VersionInfo;
}

function findVersion(tx: ReadRows, tree: Tree, request: ValueRequest): FoundVersion {
  const row = findRow(tx, request);
  const path = pathOf(tree, row);
  const field = request.field ?? PASSWORD;
  if (field !== PASSWORD) {
    throw new CoffreError("NOT_FOUND", `Credential ${named(path, row.id)} has no field ${JSON.stringify(field)}.`, {
      details: { credentialId: row.id },
    });
  }
  return { row, path, field, version: pickVersion(row, path, request.version ?? "current") };
}

function answer({ row, path, field, version }: FoundVersion, value: Secret | undefined): ValueAnswer | CoffreError {
  const { id, username } = row;
  if (!value) {
    return new CoffreError("CORRUPT", `The value of version ${version.number} of ${named(path, id)} is missing.`, {
      hint: "Run `coffre vault check`.",
      details: { table: "value", id, version: version.number },
    });
  }
  return {
    id,
    path,
    ...(username === undefined ? {} : { username }),
    field,
    version: version.number,
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
  throw new CoffreError("NOT_FOUND", `There is no credential ${JSON.stringify(path.join("/"))}.`, {
    hint: "`coffre list` shows the tree.",
  });
}

/** The live credential at a path whose last segment is its name, by its id. */
export function findCredentialId(tx: ReadRows, path: readonly string[]): string | undefined {
  const name = path.at(-1);
  if (name === undefined) return undefined;
  const categoryId = findCategoryId(tx, path.slice(0, -1));
  return categoryId === undefined ? undefined : tx.credentialNamed(categoryId, name.normalize("NFC"));
}

/** `previous` is the newest of the previous ones; a number may be of any state. */
function pickVersion(
  row: Readonly<CredentialRow>,
  path: readonly string[],
  wanted: NonNullable<ValueRequest["version"]>,
): VersionInfo {
  let newest: VersionInfo | undefined;
  for (const version of row.versions) {
    const fits = typeof wanted === "number" ? version.number === wanted : version.state === wanted;
    if (fits && version.number > (newest?.number ?? 0)) newest = version;
  }
  if (newest) return newest;
  const what = typeof wanted === "number" ? `version ${wanted}` : `${wanted} version`;
  throw new CoffreError("NOT_FOUND", `Credential ${named(path, row.id)} has no ${what}; it is ${rowStatus(row)}.`, {
    hint: "`coffre history` lists its versions.",
    details: { credentialId: row.id, status: rowStatus(row) },
  });
}
