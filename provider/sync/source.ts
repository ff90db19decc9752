import { CoffreError } from "../core/errors.js";
import { PASSWORD_FIELD } from "../core/field.js";
import type { Secret } from "../core/secret.js";
import type { Category, Credential, Vault, VaultIdentity } from "../vault/port.js";
import { currentValues, fingerprintOf, type ReadValues, type SyncEntry, textsOf } from "./entry.js";
import type { SyncJob } from "./job.js";
import { copiedFrom, isRecord } from "./mark.js";

/** What there is to copy. */
export interface SourceEntries {
  entries: SyncEntry[];
  /** Entries that have no value yet, so that there is nothing to copy. */
  waiting: number;
  /** Entries that are copies of a third vault's: they are synced from there. */
  copies: number;
}

/**
 * The entries of the job as they are now.
 * @throws CoffreError NOT_FOUND if the category is gone; CONFLICT if the destination's own entries would come back to it
 */
export async function listSource(
  source: Vault,
  job: SyncJob,
  destination: Pick<VaultIdentity, "id" | "name">,
): Promise<SourceEntries> {
  const categories = new Map<string, Category>();
  for await (const category of source.listCategories()) categories.set(category.id, category);
  const scope = scopeOf(job, categories);
  const found: SourceEntries = { entries: [], waiting: 0, copies: 0 };
  for await (const credential of source.listCredentials()) {
    if (!scope.every((name, index) => credential.path[index] === name) || isRecord(credential)) continue;
    const origin = copiedFrom(credential);
    if (origin === destination.id) throw circle(job, destination, credential);
    if (origin !== undefined) {
      found.copies += 1;
      continue;
    }
    const entry = entryOf(job, categories, credential);
    if (entry.values.size === 0) found.waiting += 1;
    else found.entries.push(entry);
  }
  return found;
}

/** The path of the job's category, whatever it is called today. */
function scopeOf({ categoryId, source }: SyncJob, categories: ReadonlyMap<string, Category>): readonly string[] {
  if (categoryId === null) return [];
  const category = categories.get(categoryId);
  if (category) return category.path;
  throw new CoffreError("NOT_FOUND", `Vault ${source.name} has no category ${categoryId}`, {
    hint: "Nothing was changed: copies of a category that is gone stay until somebody says what becomes of them.",
    details: { categoryId },
  });
}

function entryOf(job: SyncJob, categories: ReadonlyMap<string, Category>, credential: Credential): SyncEntry {
  const values = currentValues(credential, ({ number, createdAt }) => ({ number, madeAt: Date.parse(createdAt) }));
  const texts = textsOf(credential);
  const categoryIds: string[] = [];
  for (let id = credential.categoryId; id !== null; id = categories.get(id)?.parentId ?? null) categoryIds.unshift(id);
  return {
    id: credential.id,
    path: [...job.prefix, ...credential.path],
    categoryIds,
    texts,
    values,
    fingerprint: fingerprintOf(texts, values),
    newest: newestOf(credential),
    rotating: credential.journal.pending !== undefined,
  };
}

function newestOf({ versions, fields, removedFields }: Credential): Map<string, number> {
  const highest = (all: readonly { number: number }[]) => Math.max(0, ...all.map(({ number }) => number));
  const ofFields = [...fields, ...removedFields].map((field): [string, number] => [
    field.name,
    highest(field.versions),
  ]);
  return new Map([[PASSWORD_FIELD, highest(versions)], ...ofFields]);
}

function circle({ source }: SyncJob, destination: Pick<VaultIdentity, "name">, { path, id }: Credential): CoffreError {
  const name = path.join("/");
  return new CoffreError(
    "CONFLICT",
    `${name} of vault ${source.name} is itself a copy from vault ${destination.name}: a sync back would be a circle`,
    {
      hint: "Nothing was changed. Name a category that has no such copies, with --category, or sync the other way only.",
      details: { credentialId: id },
    },
  );
}

/** The values of several entries in one request: of each entry the fields that are wanted. An entry that can't be read is an error. */
export async function readValues(
  source: Vault,
  wanted: readonly { entry: SyncEntry; fields: readonly string[] }[],
): Promise<(ReadValues | Error)[]> {
  // By number: what is current by now may be newer than what the lists said, and pending it never is.
  const requests = wanted.flatMap(({ entry, fields }) =>
    fields.map((field) => ({ id: entry.id, field, version: entry.values.get(field)?.version.number ?? 0 })),
  );
  const answers = requests.length === 0 ? [] : await source.readMany(requests);
  let next = 0;
  return wanted.map(({ fields }) => {
    const values = new Map<string, Secret>();
    let failed: Error | undefined;
    for (const field of fields) {
      const answer = answers[next++];
      if (answer instanceof Error) failed ??= answer;
      else if (answer) values.set(field, answer.value);
    }
    return failed ?? values;
  });
}
