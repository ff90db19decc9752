import { collect } from "../core/collect.js";
import { CoffreError } from "../core/errors.js";
import { PASSWORD_FIELD } from "../core/field.js";
import { type Category, type Credential, usernameOf, type Vault } from "../vault/port.js";
import { count, type ExchangeEntry, type ExchangeNote, type ExchangeValue, pathText } from "./entry.js";

/** So many entries' values are asked for at once: one event in the log. */
const BATCH = 100;
/** Where a copy keeps passwords of an entry that has none any more: a vault's newest password is always in force. */
const EARLIER = "earlier-password";

/** What of a vault is wanted. */
export interface ReadOptions {
  /** Only what stands in this category and below. Default: all. */
  category?: readonly string[];
  /** Earlier versions too. Default true. */
  history?: boolean;
  signal?: AbortSignal;
  /** Told how many of how many entries were read. */
  progress?: (done: number, all: number) => void;
}

/** Live entries of a vault, with their values. */
export interface ReadEntries {
  entries: { credential: Credential; entry: ExchangeEntry }[];
  categories: Category[];
  /** What a credential has that no copy of it has. */
  notes: ExchangeNote[];
}

/** @throws CoffreError NOT_FOUND for a category; INTERRUPTED; what a value that can't be read throws */
export async function readEntries(vault: Vault, options: ReadOptions = {}): Promise<ReadEntries> {
  const { category = [], signal, progress } = options;
  const isInside = ({ path }: { path: readonly string[] }) => category.every((name, index) => path[index] === name);
  const categories = await collect(vault.listCategories());
  if (category.length > 0 && !categories.some(({ path }) => pathText(path) === pathText(category))) {
    throw new CoffreError("NOT_FOUND", `There is no category ${pathText(category)}`, {
      hint: "`coffre list` shows the tree.",
    });
  }
  const wanted = (await collect(vault.listCredentials())).filter(isInside);
  const found: ReadEntries = { entries: [], categories: categories.filter(isInside), notes: [] };
  for (let at = 0; at < wanted.length; at += BATCH) {
    if (signal?.aborted) throw interrupted();
    const batch = wanted.slice(at, at + BATCH);
    found.entries.push(...(await readCredentials(vault, batch, options)));
    progress?.(Math.min(at + BATCH, wanted.length), wanted.length);
  }
  found.notes = found.entries.flatMap(({ credential }) => notesOf(credential));
  return found;
}

/** These credentials with their values, in one request. @throws what a value that can't be read throws */
export async function readCredentials(
  vault: Vault,
  credentials: readonly Credential[],
  { history = true }: Pick<ReadOptions, "history"> = {},
): Promise<ReadEntries["entries"]> {
  const wanted = credentials.flatMap((credential) =>
    valuesWanted(credential, history).flatMap(({ field, versions }) =>
      versions.map(({ number }) => ({ id: credential.id, field, version: number })),
    ),
  );
  const answers = wanted.length === 0 ? [] : await vault.readMany(wanted);
  let next = 0;
  return credentials.map((credential) => {
    const values = valuesWanted(credential, history).map(({ as, versions, isCurrent }): ExchangeValue => {
      const read = versions.map(({ at }) => {
        const answer = answers[next++];
        if (answer === undefined || answer instanceof Error) {
          throw answer ?? new CoffreError("BAD_RESPONSE", "The vault gave no answer for a value");
        }
        return { type: answer.type, value: answer.value, at };
      });
      return { field: as, versions: read, isCurrent };
    });
    return { credential, entry: { origin: pathText(credential.path), ...textsOf(credential), values } };
  });
}

function textsOf(credential: Credential) {
  const { path, url, description, tags } = credential;
  const username = usernameOf(credential); // of the password that stands beside it
  return {
    path: [...path],
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    tags: [...tags],
  };
}

interface WantedValue {
  field: string;
  /** What it is called in a copy. */
  as: string;
  versions: { number: number; at: string }[];
  isCurrent: boolean;
}

/**
 * What was or is in force, oldest first and what is in force last, which may have an earlier number: a person can have
 * accepted it again. Pending and discarded versions never were in force.
 */
function valuesWanted(credential: Credential, history: boolean): WantedValue[] {
  const { versions, fields, removedFields } = credential;
  const kept = versions.filter(({ valueRemovedAt }) => valueRemovedAt === undefined);
  const passwords = kept.map(({ number, state, createdAt, promotedAt }) => ({
    number,
    state,
    at: promotedAt ?? createdAt,
  }));
  const all = [
    { field: PASSWORD_FIELD, versions: passwords },
    ...[...fields, ...removedFields].map(({ name, versions: own }) => {
      return { field: name, versions: own.map(({ number, state, createdAt }) => ({ number, state, at: createdAt })) };
    }),
  ];
  return all.flatMap(({ field, versions: own }): WantedValue[] => {
    const states = history ? ["current", "previous"] : ["current"];
    const isLast = ({ state }: { state: string }) => Number(state === "current");
    const wanted = own
      .filter(({ state }) => states.includes(state))
      .sort((left, right) => isLast(left) - isLast(right) || left.number - right.number);
    const isCurrent = wanted.at(-1)?.state === "current";
    if (wanted.length === 0) return [];
    return [{ field, as: field === PASSWORD_FIELD && !isCurrent ? EARLIER : field, versions: wanted, isCurrent }];
  });
}

function notesOf(credential: Credential): ExchangeNote[] {
  const { path, targets, rotation, journal, versions, fields, owned, notify } = credential;
  const where = pathText(path);
  const notes: ExchangeNote[] = [];
  const note = (what: string, field?: string) => notes.push({ where, what, ...(field === undefined ? {} : { field }) });
  if (targets.length > 0) note(`${count(targets.length, "target")}: nothing is set there from a copy`);
  if (rotation) note("when it is rotated");
  if (notify.length > 0) note("who is told of new versions");
  if (owned) note("that a stack declares it");
  if (journal.pending)
    note(`version ${String(journal.pending.version)} is pending: the copy has what was current before`, PASSWORD_FIELD);
  const current = versions.find(({ state }) => state === "current");
  if (current && versions.some(({ state, username }) => state === "previous" && username !== current.username))
    note("earlier passwords are of other logins: a copy names the current one's", PASSWORD_FIELD);
  const discarded = versions.filter(({ state }) => state === "discarded").length;
  const removed = versions.filter(({ valueRemovedAt }) => valueRemovedAt !== undefined).length;
  if (removed > 0) note(`${count(removed, "earlier version")} whose value the vault kept no longer`, PASSWORD_FIELD);
  if (discarded > 0) note(`${count(discarded, "version")} that never came into force`, PASSWORD_FIELD);
  if (versions.length > 0 && versions.every(({ state }) => state === "previous")) {
    note(`it has none now: a copy has its earlier ones as the field ${EARLIER}`, PASSWORD_FIELD);
  }
  for (const field of fields) if (field.versions.length === 0) note("it awaits its value", field.name);
  return notes;
}

/** @returns what ends a loop that a person has stopped */
export function interrupted(): CoffreError {
  return new CoffreError("INTERRUPTED", "Stopped before it was done", { hint: "Run it again." });
}
