import { isDeepStrictEqual } from "node:util";
import { claimsOf, type Directory, union } from "./directory.js";
import type { Claims, CredentialDocument } from "./documents.js";
import { entryChange, isArchived } from "./entry.js";
import { forgetDue, settleEntry } from "./settle.js";
import { CasConflict, type EntryKeeper } from "./storage.js";
import { credentialKey, DIRECTORY, loginsKey } from "./run.js";
import type { Store } from "./store.js";
import type { DirectoryChange, View } from "./view.js";

/** Up to so many new credentials stay noted as due until the directory is written for another reason. */
const FEW = 4;

/** A credential that some work changed. */
interface Changed {
  id: string;
  before: CredentialDocument | undefined;
  after: CredentialDocument | undefined;
  claimsBefore: Claims | undefined;
  claimsAfter: Claims | undefined;
}

/**
 * Writes what some work changed. There is no transaction over several documents, so the order makes each beginning of it
 * a safe place to die at: `docs/vaults/hashicorp.md` says for each step what a kill after it leaves.
 */
export class Commit {
  readonly #store: Store;
  readonly #entries: EntryKeeper;
  readonly #view: View;
  readonly #changed: Changed[];
  readonly #settled: Set<string>;
  /** Changes of the directory before, and after, the credentials' own documents. */
  readonly #first: DirectoryChange[];
  readonly #last: DirectoryChange[];
  /** Credentials whose entry for people is brought to what it should be, after all else. */
  readonly #due = new Set<string>();
  /** Versions of the documents that the work was done on: what is read meanwhile, for others, mustn't be written over. */
  readonly #versions = new Map<string, number>();
  readonly #loginVersions = new Map<string, number>();
  #directoryVersion: number | undefined;
  /** Whose notes the next write of the directory takes away. */
  #forgotten: string[] = [];
  #places: ReadonlyMap<string, string[]> = new Map();

  /** @param settled ids that are noted as due in the directory, and aren't any more */
  constructor(store: Store, entries: EntryKeeper, view: View, settled: Set<string>) {
    this.#store = store;
    this.#entries = entries;
    this.#view = view;
    this.#settled = settled;
    this.#changed = [...view.changed].map(([id, after]) => this.#change(id, after));
    for (const { id } of this.#changed) this.#versions.set(id, store.credentials.get(id)?.version ?? 0);
    for (const digest of view.changedLogins.keys()) {
      this.#loginVersions.set(digest, store.logins.get(digest)?.version ?? 0);
    }
    this.#directoryVersion = store.directory?.version;
    const moved = this.#movedAlong();
    for (const id of moved) this.#due.add(id);
    this.#first = this.#firstChanges(moved);
    this.#last = this.#changed.flatMap(({ id, claimsBefore, claimsAfter }) => {
      const claimed = claimsAfter && claimsBefore ? union(claimsBefore, claimsAfter) : (claimsAfter ?? claimsBefore);
      return isDeepStrictEqual(claimed, claimsAfter) ? [] : [setClaims(id, claimsAfter)];
    });
  }

  get isEmpty(): boolean {
    return this.writes.size === 0;
  }

  get writesDirectory(): boolean {
    return this.#first.length > 0 || this.#last.length > 0;
  }

  /** Keys of all documents that are written by `cas`. */
  get writes(): ReadonlySet<string> {
    const keys = [...this.#view.changed.keys()].map(credentialKey);
    const logins = [...this.#view.changedLogins.keys()].map(loginsKey);
    return new Set([...keys, ...logins, ...(this.writesDirectory ? [DIRECTORY] : [])]);
  }

  /** The credentials that this has to do with. */
  get ids(): string[] {
    return [...new Set([...this.#view.changed.keys(), ...this.#due])];
  }

  /** @throws CasConflict: then nothing that counts was written, and the work is to be done again */
  async send(): Promise<void> {
    this.#places = this.#newPlaces();
    await this.#checkPlaces();
    for (const [digest, bookings] of this.#view.changedLogins) {
      await this.#store.writeLogins(digest, bookings, this.#loginVersions.get(digest) ?? 0);
    }
    await this.#writeValues();
    const made = this.#changed.filter(({ before, after }) => !before && after);
    try {
      await Promise.all(made.map(({ after }) => this.#make(after)));
      await this.#warnOthers();
      if (this.#first.length > 0) await this.#writeDirectory(this.#first);
    } catch (error) {
      // The directory is as it was, so nobody has seen them. After any other failure that isn't known.
      if (!(error instanceof CasConflict)) throw error;
      await Promise.allSettled(made.map(({ id, after }) => this.#unmake(id, after)));
      throw error;
    }
    await Promise.all(made.map(({ after }) => this.#show(after)));
    // Those whose bookings alone change come first: to write these twice does no harm.
    const known = this.#changed.toSorted((left, right) => Number(this.#isRow(left)) - Number(this.#isRow(right)));
    for (const change of known) {
      if (change.before && change.after) await this.#write(change.before, change.after);
      if (change.before && !change.after) await this.#remove(change.id, change.before);
    }
    if (this.#last.length > 0) await this.#tidy(this.#last);
    await this.#settle();
    if (made.length > FEW && this.#settled.size > 0) await this.#tidy([this.#forgetSettled()]);
  }

  #isRow({ id }: Changed): boolean {
    return this.#view.claimsBefore.has(id);
  }

  #change(id: string, after: CredentialDocument | undefined): Changed {
    const held = this.#store.credentials.get(id)?.content;
    const claimsBefore = this.#view.claimsBefore.has(id) ? this.#view.claimsBefore.get(id) : this.#claims(id);
    const claimsAfter = this.#view.claimsBefore.has(id) ? after && claimsOf(after.row) : claimsBefore;
    return { id, before: held, after, claimsBefore, claimsAfter };
  }

  #claims(id: string): Claims | undefined {
    return this.#store.directory?.content.claims.get(id);
  }

  #firstChanges(moved: readonly string[]): DirectoryChange[] {
    const claims = this.#changed.flatMap(({ id, before, after, claimsBefore, claimsAfter }) => {
      if (!claimsAfter) return [];
      const wanted = claimsBefore ? union(claimsBefore, claimsAfter) : claimsAfter;
      const isNew = !before && after !== undefined;
      const note: DirectoryChange[] = isNew ? [(directory) => directory.due.put(id, { id })] : [];
      return isDeepStrictEqual(wanted, claimsBefore) ? note : [setClaims(id, wanted), ...note];
    });
    const notes = moved.map(
      (id): DirectoryChange =>
        ({ due }) =>
          due.put(id, { id }),
    );
    const released = this.#releases();
    const all = [...released, ...this.#view.directoryChanges, ...claims, ...notes];
    if (all.length === 0) return [];
    return [this.#forgetSettled(), ...all];
  }

  #forgetSettled(): DirectoryChange {
    this.#forgotten = [...this.#settled];
    return forgetDue({ store: this.#store, entries: this.#entries }, this.#forgotten);
  }

  /** Claims of others that a dead process left, or a living one has not yet used: see {@link #warnOthers}. */
  #releases(): DirectoryChange[] {
    if (!this.#takesClaims()) return [];
    return [...this.#view.overclaimed].flatMap((id) => {
      const row = this.#store.credentials.get(id)?.content?.row;
      return this.#view.changed.has(id) ? [] : [setClaims(id, row && claimsOf(row))];
    });
  }

  #takesClaims(): boolean {
    return (
      this.#view.directoryChanges.length > 0 ||
      this.#changed.some(({ claimsBefore, claimsAfter }) => {
        if (!claimsAfter) return false;
        return !isDeepStrictEqual(claimsBefore && union(claimsBefore, claimsAfter), claimsBefore);
      })
    );
  }

  /** A process that has claimed what its row doesn't say yet finds its document changed, and does its work again. */
  async #warnOthers(): Promise<void> {
    if (!this.#takesClaims()) return;
    for (const id of this.#view.overclaimed) {
      const held = this.#store.credentials.get(id);
      if (held?.content && !this.#view.changed.has(id)) await this.#store.writeCredential(held.content, held.version);
    }
  }

  /** Credentials below a category that was renamed or moved. */
  #movedAlong(): string[] {
    const directory = this.#store.directory?.content;
    if (!directory || !this.#entries.movesAlong || this.#view.movedCategories.size === 0) return [];
    const ids: string[] = [];
    const visit = (categoryId: string): void => {
      ids.push(...directory.claims.find("category", categoryId));
      for (const below of directory.categories.find("parent", categoryId)) visit(below);
    };
    for (const id of this.#view.movedCategories) visit(id);
    return ids;
  }

  /** Where the entries that this has to do with will stand, once the directory says so. */
  #newPlaces(): Map<string, string[]> {
    const directory = this.#store.directory?.content;
    if (!directory) return new Map();
    for (const change of this.#first) change(directory);
    try {
      return this.#placesIn(directory);
    } finally {
      directory.rollBack();
    }
  }

  #placesIn(directory: Directory): Map<string, string[]> {
    if (this.#first.length > 0) this.#store.checkSize(directory);
    const documents = new Map(this.#changed.map(({ id, after }) => [id, after]));
    const places = this.ids.flatMap((id): [string, string[]][] => {
      const document = documents.get(id) ?? this.#store.credentials.get(id)?.content;
      const path = document && this.#entries.placeOf(directory, document);
      return path ? [[id, path]] : [];
    });
    return new Map(places);
  }

  /** Nothing else may stand where an entry will. */
  async #checkPlaces(): Promise<void> {
    const directory = this.#store.directory?.content;
    if (!directory || !this.writesDirectory) return;
    const wanted = [...this.#places].flatMap(([id, path]) =>
      isDeepStrictEqual(path, this.#store.credentials.get(id)?.content?.entry?.path) ? [] : [{ id, path }],
    );
    await this.#entries.checkFree(wanted, directory);
  }

  async #make(document: CredentialDocument | undefined): Promise<void> {
    if (!document) return;
    const path = this.#places.get(document.row.id);
    // Until somebody has seen it there, the directory notes it as due.
    const entry = path && (await this.#entries.begin(document, path));
    await this.#store.writeCredential({ ...document, ...(entry ? { entry } : {}) }, 0);
  }

  async #unmake(id: string, after: CredentialDocument | undefined): Promise<void> {
    const entry = this.#store.credentials.get(id)?.content?.entry;
    if (entry) await this.#entries.remove(id, entry);
    await this.#store.removeCredential(id, after);
  }

  /** Values that have a place of their own come first: what a document names is there. */
  async #writeValues(): Promise<void> {
    const written = this.#view.largeValues.map(async ({ id, key, at, value }) => {
      const change = this.#changed.find((one) => one.id === id);
      if (!change?.after) return;
      const found = await this.#store.writeValue({ document: change.after, key, at, value: value.reveal() });
      change.after = { ...change.after, values: { ...change.after.values, [key]: { at: found } } };
    });
    await Promise.all(written);
  }

  async #show(document: CredentialDocument | undefined): Promise<void> {
    const made = document && this.#store.credentials.get(document.row.id)?.content;
    if (!made?.entry) return;
    if (await this.#entries.show(made, made.entry.path)) this.#settled.add(made.row.id);
    else this.#due.add(made.row.id);
  }

  async #write(before: CredentialDocument, after: CredentialDocument): Promise<void> {
    const { id } = after.row;
    const version = this.#versions.get(id) ?? 0;
    const change = entryChange(before, after);
    if (startsSet(before, after)) await this.#entries.checkEditable(before);
    if (change.change === "promotion") {
      const entry = await this.#entries.promote(before, change.shown);
      await this.#store.writeCredential({ ...after, entry }, version);
      await this.#removeDropped(before, after);
      return;
    }
    if (change.change === "other") this.#due.add(id);
    const isDue = change.change === "other" && !(isArchived(after) && !before.entry);
    await this.#store.writeCredential(isDue ? { ...after, due: true } : after, version);
    await this.#removeDropped(before, after);
  }

  /** What the document names no more. It is written, and counts: a value that can't be taken away harms nothing. */
  async #removeDropped({ row, values }: CredentialDocument, after: CredentialDocument): Promise<void> {
    const dropped = Object.entries(values).filter(([key]) => !(key in after.values));
    await Promise.allSettled(dropped.map(async ([, part]) => "at" in part && this.#store.removeValue(row.id, part.at)));
  }

  async #remove(id: string, document: CredentialDocument): Promise<void> {
    if (document.entry) await this.#entries.remove(id, document.entry);
    await this.#store.removeCredential(id, document);
  }

  async #settle(): Promise<void> {
    const directory = this.#store.directory?.content;
    if (!directory) return;
    const ids = [...this.#due];
    const noted = new Set(directory.due.all().map(({ id }) => id));
    await Promise.all(
      ids.map(async (id) => {
        if ((await settleEntry({ store: this.#store, entries: this.#entries }, id, directory)) && noted.has(id))
          this.#settled.add(id);
      }),
    );
  }

  /**
   * All is written that counts. What is claimed and not used, or noted as due and isn't, is found out by whoever meets it:
   * where another process was faster, it is left to that.
   */
  async #tidy(changes: readonly DirectoryChange[]): Promise<void> {
    try {
      await this.#writeDirectory(changes);
    } catch (error) {
      if (!(error instanceof CasConflict)) throw error;
    }
  }

  async #writeDirectory(changes: readonly DirectoryChange[]): Promise<void> {
    if (!this.#store.directory || this.#directoryVersion === undefined) throw new CasConflict();
    this.#directoryVersion = await this.#store.writeDirectory(changes, this.#directoryVersion);
    // What is noted still, or again, is to be settled again.
    for (const id of this.#forgotten) this.#settled.delete(id);
    this.#forgotten = [];
  }
}

/** A target is about to be changed. */
function startsSet({ row: before }: CredentialDocument, { row: after }: CredentialDocument): boolean {
  const tries = ({ journal }: CredentialDocument["row"]) =>
    (journal.pending?.targets ?? []).reduce((sum, { setTries }) => sum + setTries, 0);
  return after.journal.pending !== undefined && tries(after) > tries(before);
}

function setClaims(id: string, claims: Claims | undefined): DirectoryChange {
  return (directory: Directory) => (claims ? directory.claims.put(id, claims) : directory.claims.remove(id));
}
