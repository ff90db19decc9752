import { CoffreError } from "../core/errors.js";
import { PASSWORD_FIELD } from "../core/field.js";
import { newHolder } from "../rotation/holder.js";
import type {
  CategoryInput,
  Credential,
  CredentialInput,
  Field,
  FieldChange,
  RotationStep,
  Vault,
} from "../vault/port.js";
import { type ExchangeEntry, type ExchangeVersion, pathText } from "./entry.js";

const LEASE_SECONDS = 60;

/** Why a version exists, as the vault keeps it: by it an interrupted run finds what it has written. `number` is from 1. */
export type CauseOf = (entry: ExchangeEntry, field: string, number: number) => string;

/** Makes the categories of these paths that are missing. @returns their ids by path, and those that were made, parents first */
export async function makeCategories(
  vault: Vault,
  paths: readonly (readonly string[])[],
  details: ReadonlyMap<string, Pick<CategoryInput, "description" | "policy">> = new Map(),
): Promise<{ ids: Map<string, string>; made: string[] }> {
  const ids = new Map<string, string>();
  for await (const { id, path } of vault.listCategories()) ids.set(pathText(path), id);
  const made: string[] = [];
  const wanted = new Map(
    paths.flatMap((path) => path.map((_name, index) => [pathText(path.slice(0, index + 1)), path.slice(0, index + 1)])),
  );
  for (const [key, path] of [...wanted].sort(([, left], [, right]) => left.length - right.length)) {
    if (ids.has(key)) continue;
    const parentId = path.length === 1 ? null : (ids.get(pathText(path.slice(0, -1))) ?? null);
    const { id } = await vault.createCategory({ name: path.at(-1) ?? "", parentId, ...details.get(key) });
    ids.set(key, id);
    made.push(id);
  }
  return { ids, made };
}

/** What a copy in a vault may have besides what files hold. */
export type MoreOf = (entry: ExchangeEntry) => Partial<Pick<CredentialInput, "valueManagedBy" | "rotation">>;

/** An entry as one write makes it: with its first password, and every version of its fields. */
function inputOf(entry: ExchangeEntry, categoryId: string | null, causeOf: CauseOf, moreOf: MoreOf): CredentialInput {
  const { username, url, description, tags, values } = entry;
  const password = values.find(({ field }) => field === PASSWORD_FIELD)?.versions[0];
  return {
    name: entry.path.at(-1) ?? "",
    categoryId,
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    tags,
    valueManagedBy: "external",
    ...moreOf(entry),
    ...(password ? { initial: { value: password.value, causes: [causeOf(entry, PASSWORD_FIELD, 1)] } } : {}),
    fields: values.flatMap(({ field, versions, isCurrent }): FieldChange[] => {
      if (field === PASSWORD_FIELD) return [];
      return [
        ...putsOf(entry, field, versions, causeOf),
        ...(isCurrent ? [] : [{ change: "remove" as const, name: field }]),
      ];
    }),
  };
}

function* putsOf(
  entry: ExchangeEntry,
  name: string,
  versions: readonly ExchangeVersion[],
  causeOf: CauseOf,
): Iterable<FieldChange> {
  for (const [index, { type, value }] of versions.entries()) {
    const before = versions[index - 1];
    if (before && before.type !== type) yield { change: "remove", name };
    yield { change: "put", name, type, value, cause: causeOf(entry, name, index + 1) };
  }
}

/** Brings a copy that an interrupted run has made to what the entry is by now: its texts, and versions of fields that it lacks. */
export async function catchUp(vault: Vault, copy: Credential, entry: ExchangeEntry, causeOf: CauseOf): Promise<void> {
  const fields = entry.values.flatMap(({ field, versions, isCurrent }): FieldChange[] => {
    if (field === PASSWORD_FIELD) return [];
    const there = [...copy.fields, ...copy.removedFields].find(({ name }) => name === field);
    const puts = [...putsOf(entry, field, versions, causeOf)].filter(
      (change) => change.change !== "put" || !hasCause(there, change.cause),
    );
    const missing = puts.some(({ change }) => change === "put") ? puts : [];
    return [...missing, ...(isCurrent ? [] : [{ change: "remove" as const, name: field }])];
  });
  const { username = null, url = null, description = null, tags } = entry;
  await vault.updateCredential(copy.id, { username, url, description, tags, fields });
}

function hasCause(field: Field | undefined, cause: string): boolean {
  return field?.versions.some((version) => version.cause === cause) === true;
}

/** Passwords that the credential lacks still, one after the other, in one write. Returns without a request if none is missing. */
export async function addPasswords(
  vault: Vault,
  credential: Credential,
  entry: ExchangeEntry,
  causeOf: CauseOf,
): Promise<void> {
  const versions = entry.values.find(({ field }) => field === PASSWORD_FIELD)?.versions ?? [];
  const there = credential.versions.length;
  const steps = versions.slice(there).flatMap(({ value }, index): RotationStep[] => {
    const version = there + index + 1;
    const causes = [causeOf(entry, PASSWORD_FIELD, version)];
    return [
      { step: "stage", value, causes, accounts: [] },
      { step: "promote", version, verified: false },
    ];
  });
  if (steps.length === 0) return;
  await vault.acquireLease(credential.id, { holder: newHolder(), ttlSeconds: LEASE_SECONDS }, [
    ...steps,
    { step: "release" },
  ]);
}

/** Creates entries, all or none, and answers them in order. */
export async function createEntries(
  vault: Vault,
  entries: readonly ExchangeEntry[],
  categoryIds: ReadonlyMap<string, string>,
  causeOf: CauseOf,
  moreOf: MoreOf = () => ({}),
): Promise<{ entry: ExchangeEntry; credential: Credential }[]> {
  const categoryOf = ({ path }: ExchangeEntry) =>
    path.length === 1 ? null : (categoryIds.get(pathText(path.slice(0, -1))) ?? null);
  const made = await vault.createCredentials(
    entries.map((entry) => inputOf(entry, categoryOf(entry), causeOf, moreOf)),
  );
  return entries.map((entry, index) => {
    const credential = made[index];
    if (!credential) throw new CoffreError("BAD_RESPONSE", `The vault didn't answer the entry ${pathText(entry.path)}`);
    return { entry, credential };
  });
}
