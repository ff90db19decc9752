import type { VaultIdentity } from "../port.js";
import type { BookingRow } from "../records/rows.js";
import type { Directory } from "./directory.js";
import type { CredentialDocument, IdentityDocument } from "./documents.js";
import type { Store } from "./store.js";
import { type Known, Needed, View } from "./view.js";

/**
 * How old the directory may be for the path of a credential that was asked for by its id, and for the policies of its
 * category; and a host's document for a login with a value that is known to be right. Names, claims, values, journals and
 * an account's own budget are never answered from memory.
 */
const MOMENT_MS = 2_000;
/** There are no events, so the head never moves: a rollback shows in the credential's own versions. */
const HEAD_PROOF = `0:${"0".repeat(32)}`;

/** Which documents some work used that were only remembered, and which of those it changes. */
interface Changes {
  /** Keys of documents that are written by `cas`. */
  readonly writes: ReadonlySet<string>;
}

type Done<T> =
  | { outcome: "done"; result: T; view: View }
  | { outcome: "needs"; keys: readonly string[] }
  | { outcome: "failed"; error: unknown };

export const DIRECTORY = "directory";
export const credentialKey = (id: string) => `credential ${id}`;
export const loginsKey = (digest: string) => `logins ${digest}`;
const valueKey = (id: string, at: string) => `value ${id} ${at}`;

/** One piece of work, over as many tries as it takes: knows what was fetched for it, and what is only remembered. */
export class Run {
  readonly #store: Store;
  readonly #identity: IdentityDocument;
  readonly #made: Map<string, { account: string; host: string }>;
  /** Keys of what was fetched for this work. */
  readonly #fresh = new Set<string>();
  /** Keys of what the last try used, and whether a moment old will do. */
  #used = new Map<string, "exact" | "moment">();
  readonly #values = new Map<string, string | undefined>();
  #mustLoad = false;
  /** What was asked for from here on shows all that this work has to know. `performance.now()` */
  #sinceMs = performance.now();

  constructor(store: Store, identity: IdentityDocument, made: Map<string, { account: string; host: string }>) {
    this.#store = store;
    this.#identity = identity;
    this.#made = made;
  }

  /** Does the work once on what is known. The directory is left as it was. */
  try<T>(work: (view: View) => T, newName: () => string): Done<T> {
    this.#used = new Map();
    const view = new View(this.#known(), newName);
    try {
      return { outcome: "done", result: work(view), view };
    } catch (error) {
      return error instanceof Needed ? { outcome: "needs", keys: error.keys } : { outcome: "failed", error };
    } finally {
      this.#store.directory?.content.rollBack();
    }
  }

  /**
   * Keys of what the last try used, and that has to be asked for before its result counts.
   * @param changes what it would write; `undefined` for a result that is only shown, or an error
   */
  stale(changes: Changes | undefined): string[] {
    const now = performance.now();
    return [...this.#used].flatMap(([key, exactness]) => {
      if (this.#fresh.has(key) || changes?.writes.has(key) === true) return [];
      const atMs = key === DIRECTORY ? this.#store.directory?.atMs : this.#heldAt(key);
      return exactness === "moment" && atMs !== undefined && now - atMs < MOMENT_MS ? [] : [key];
    });
  }

  async load(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#load(key)));
  }

  /** After a conflict nothing that was seen holds. */
  forget(): void {
    for (const key of this.#used.keys()) {
      const [kind = "", id = ""] = key.split(" ");
      if (kind === "credential") this.#store.credentials.delete(id);
      if (kind === "logins") this.#store.logins.delete(id);
    }
    if (this.#used.has(DIRECTORY) && this.#store.directory) this.#store.directory.atMs = -Infinity;
    this.#fresh.clear();
    this.#mustLoad = true;
    this.#sinceMs = performance.now();
  }

  /** Credentials seen whose entry for people isn't what it should be. */
  seenDue(): string[] {
    const seen = [...this.#used.keys()].flatMap((key) => {
      const [kind = "", id = ""] = key.split(" ");
      return kind === "credential" && this.#store.credentials.get(id)?.content?.due === true ? [id] : [];
    });
    const noted = this.#used.has(DIRECTORY) ? (this.#store.directory?.content.due.all() ?? []) : [];
    return [...new Set([...seen, ...noted.map(({ id }) => id)])];
  }

  async #load(key: string): Promise<void> {
    this.#fresh.add(key);
    const [kind = "", id = "", at = ""] = key.split(" ");
    if (kind === DIRECTORY) {
      this.#mustLoad = false;
      await this.#store.loadDirectory(this.#sinceMs);
    } else if (kind === "credential") await this.#store.loadCredential(id);
    else if (kind === "logins") await this.#store.loadLogins(id);
    else this.#values.set(key, await this.#store.readValue(id, at));
  }

  #heldAt(key: string): number | undefined {
    const [kind = "", id = ""] = key.split(" ");
    return kind === "credential" ? this.#store.credentials.get(id)?.atMs : this.#store.logins.get(id)?.atMs;
  }

  #use(key: string, exactness: "exact" | "moment"): void {
    if (this.#used.get(key) !== "exact") this.#used.set(key, exactness);
  }

  #known(): Known {
    return {
      identity: () => this.#vaultIdentity(),
      hasHead: (proof) => /^0:0{16,32}$/.test(proof),
      largestInline: this.#store.largestInline,
      forgetsValues: this.#store.forgetsValues,
      directory: (exact) => this.#directory(exact),
      credentials: (ids) => this.#credentials(ids),
      asked: (id) => (this.#used.has(credentialKey(id)) ? this.#store.credentials.get(id)?.content : undefined),
      largeValues: (wanted) => this.#largeValues(wanted),
      logins: {
        ofAccount: (account) => this.#logins("account", account, "exact"),
        ofHost: (host) => this.#logins("host", host, "moment"),
        made: this.#made,
      },
    };
  }

  #vaultIdentity(): VaultIdentity {
    const { id, name, restoreCounter } = this.#identity;
    return { id, name, restoreCounter, head: 0, headProof: HEAD_PROOF };
  }

  #directory(exact: boolean): Directory {
    this.#use(DIRECTORY, exact ? "exact" : "moment");
    const held = this.#store.directory;
    if (held && !this.#mustLoad) return held.content;
    throw new Needed([DIRECTORY]);
  }

  #credentials(ids: readonly string[]): (CredentialDocument | undefined)[] {
    const missing: string[] = [];
    const found = ids.map((id) => {
      const key = credentialKey(id);
      const held = this.#store.credentials.get(id);
      if (held) this.#use(key, "exact");
      else missing.push(key);
      return held?.content;
    });
    if (missing.length > 0) throw new Needed(missing);
    return found;
  }

  #largeValues(wanted: readonly { id: string; at: string }[]): (string | undefined)[] {
    const keys = wanted.map(({ id, at }) => valueKey(id, at));
    const missing = keys.filter((key) => !this.#values.has(key));
    if (missing.length > 0) throw new Needed(missing);
    return keys.map((key) => this.#values.get(key));
  }

  #logins(
    kind: "account" | "host",
    name: string,
    exactness: "exact" | "moment",
  ): { key: string; bookings: readonly BookingRow[] } {
    const digest = this.#store.keyed(kind, name);
    const key = loginsKey(digest);
    const held = this.#store.logins.get(digest);
    if (!held) throw new Needed([key]);
    this.#use(key, exactness);
    return { key: digest, bookings: held.content };
  }
}
