import { createHmac, randomUUID } from "node:crypto";
import { CoffreError } from "../../core/errors.js";
import type { BookingRow } from "../records/rows.js";
import { Directory } from "./directory.js";
import {
  corrupt,
  type CredentialDocument,
  IdentityDocument,
  refuseNewer,
  unwrapCredential,
  unwrapDirectory,
  unwrapLogins,
  unwrapValue,
  wrap,
  wrapDirectory,
} from "./documents.js";
import { CasConflict, type DocumentPaths, type DocumentStorage } from "./storage.js";
import type { DirectoryChange } from "./view.js";

/** A document as it was fetched or written last. */
export interface Held<Content> {
  content: Content;
  /** For the next `cas`. */
  version: number;
  /** `performance.now()` before it was asked for, or after it was written. */
  atMs: number;
}

/** A value that is about to be kept outside of its credential's document. */
export interface NewValue {
  document: CredentialDocument;
  /** The field and its version, as the document's `values` name it: `password 3`. */
  key: string;
  at: string;
  value: string;
}

/** So many credentials are remembered between two pieces of work: what a rotation that is under way needs, with room for many at once. */
const MOST_HELD = 1_000;

/** The documents of one vault: fetches, remembers what it saw last, and writes by `cas`. Knows no rule of the vault. */
export class Store {
  readonly kv: DocumentStorage;
  readonly paths: DocumentPaths;
  /** A value up to this many characters stands in its credential's document; a larger one in one of its own. */
  readonly largestInline: number = 4_096;
  /** Whether values that nobody needs any more are taken away. Where not, they stay as long as their credential. */
  readonly forgetsValues: boolean = false;
  directory: Held<Directory> | undefined;
  readonly credentials = new Map<string, Held<CredentialDocument | undefined>>();
  /** By the keyed digest of an account or a host. */
  readonly logins = new Map<string, Held<BookingRow[]>>();
  /** The question for the directory that isn't answered yet. */
  #asking: { atMs: number; answer: Promise<void> } | undefined;
  #identity: Promise<IdentityDocument> | undefined;
  #digestKey: Buffer | undefined;
  readonly #prepare: () => Promise<void>;

  /** @param prepare done once, before the first request about a document */
  constructor(kv: DocumentStorage, paths: DocumentPaths, prepare: () => Promise<void>) {
    this.kv = kv;
    this.paths = paths;
    this.#prepare = prepare;
  }

  /** Who the vault is; asked once. @throws CoffreError VAULT_MISSING, CORRUPT, and what the server's state means */
  identity(): Promise<IdentityDocument> {
    if (this.#identity) return this.#identity;
    const asking = this.#open();
    this.#identity = asking;
    asking.catch(() => (this.#identity = undefined));
    return asking;
  }

  async #open(): Promise<IdentityDocument> {
    await this.#prepare();
    const path = this.paths.identity;
    const { data } = await this.kv.read(path);
    const where = this.kv.pathText(path);
    if (!data) {
      throw new CoffreError("VAULT_MISSING", `There is no vault of Coffre's at ${where}`, {
        hint: "Check coffre:url; `coffre vault init` makes a vault.",
      });
    }
    const { data: parsed } = IdentityDocument.safeParse(data);
    if (typeof data["format"] === "number") refuseNewer(data["format"]);
    if (!parsed) throw corrupt(where, "isn't what `coffre vault init` wrote there");
    this.#digestKey = Buffer.from(parsed.digestKey, "base64");
    return parsed;
  }

  /** 32 hex digits; only after {@link identity}. */
  keyed(purpose: string, text: string): string {
    if (!this.#digestKey) throw new Error("the vault isn't open");
    return createHmac("sha256", this.#digestKey).update(`${purpose}:${text}`).digest("hex").slice(0, 32);
  }

  /**
   * Asks for the directory, unless that is under way: several pieces of work share one answer.
   * @param sinceMs `performance.now()` from which on the question must have been asked. Default: now
   */
  async loadDirectory(sinceMs = Infinity): Promise<void> {
    const asked = this.#askedSince(sinceMs);
    // Who didn't ask himself doesn't fail by another's question alone.
    await (asked?.catch(() => this.#askedSince(sinceMs) ?? this.#ask()) ?? this.#ask());
  }

  #askedSince(sinceMs: number): Promise<void> | undefined {
    return this.#asking && this.#asking.atMs >= sinceMs ? this.#asking.answer : undefined;
  }

  #ask(): Promise<void> {
    const atMs = performance.now();
    const asking = { atMs, answer: this.#askDirectory(atMs) };
    this.#asking = asking;
    const ended = () => {
      if (this.#asking === asking) this.#asking = undefined;
    };
    asking.answer.then(ended, ended);
    return asking.answer;
  }

  async #askDirectory(atMs: number): Promise<void> {
    const { data, version } = await this.kv.read(this.paths.directory);
    const where = this.kv.pathText(this.paths.directory);
    if (!data) throw corrupt(where, "is gone");
    // A write of our own may have been answered meanwhile.
    if (this.directory && this.directory.version > version) return;
    if (this.directory?.version === version) this.directory.atMs = atMs;
    else this.directory = { content: new Directory(unwrapDirectory(where, data)), version, atMs };
  }

  async loadCredential(id: string): Promise<void> {
    const atMs = performance.now();
    const path = this.paths.credential(id);
    const { data, version } = await this.kv.read(path);
    this.holdCredential(id, { content: data && unwrapCredential(this.kv.pathText(path), data), version, atMs });
  }

  holdCredential(id: string, held: Held<CredentialDocument | undefined>): void {
    this.credentials.delete(id);
    this.credentials.set(id, held);
  }

  /** Forgets the credentials that were seen longest ago; never while some work is under way, which may need more of them. */
  trim(): void {
    for (const id of this.credentials.keys()) {
      if (this.credentials.size <= MOST_HELD) return;
      this.credentials.delete(id);
    }
  }

  async loadLogins(digest: string): Promise<void> {
    const atMs = performance.now();
    const path = this.paths.logins(digest);
    const { data, version } = await this.kv.read(path);
    const content = data ? unwrapLogins(this.kv.pathText(path), data).bookings : [];
    this.logins.set(digest, { content, version, atMs });
  }

  async readValue(id: string, at: string): Promise<string | undefined> {
    const path = this.paths.value(id, at);
    const { data } = await this.kv.read(path);
    return data && unwrapValue(this.kv.pathText(path), data);
  }

  /**
   * Keeps a value outside of its credential's document; it is never written over.
   * @param at the name that was drawn for it. @returns the name by which it is found
   */
  async writeValue({ document, at, value }: NewValue): Promise<string> {
    await this.kv.write(this.paths.value(document.row.id, at), wrap({ value }), 0);
    return at;
  }

  async removeValue(id: string, at: string): Promise<void> {
    await this.kv.remove(this.paths.value(id, at));
  }

  /** A process that died has left something besides documents that {@link mend} sets right. */
  get isTorn(): boolean {
    return false;
  }

  async mend(): Promise<void> {}

  /**
   * To be asked before anything is written.
   * @param directory as it would be written. @throws CoffreError INVALID_INPUT if no document takes it
   */
  checkSize(directory: Directory): void {
    const largest = this.kv.largestBytes;
    const content = directory.content();
    // Compressed and encoded it is smaller, but for a few bytes that nothing compresses.
    if (largest === undefined || JSON.stringify(content).length * 1.4 < largest) return;
    if (JSON.stringify(wrapDirectory(content)).length <= largest) return;
    const { length } = content.claims;
    throw new CoffreError("INVALID_INPUT", `The directory of ${length} credentials would be too large for a document`, {
      hint: "Nothing was changed. Begin another vault for the rest (another root in its URL), or delete archived credentials.",
    });
  }

  /**
   * Makes changes on the directory that is remembered, and writes it; nobody else in this process may be at it.
   * @param seen the version that the changes were decided on: a newer one, read meanwhile for others, may forbid them
   * @returns the new version. @throws CasConflict if another process has written it since
   */
  async writeDirectory(changes: readonly DirectoryChange[], seen: number): Promise<number> {
    const held = this.heldDirectory(seen);
    for (const change of changes) change(held.content);
    const packed = wrapDirectory(held.content.content());
    held.content.rollBack();
    const version = await this.kv.write(this.paths.directory, this.#marked(packed), held.version);
    for (const change of changes) change(held.content);
    held.content.commit();
    // A fetch may have seen the same already.
    if (this.directory === held) Object.assign(held, { version, atMs: performance.now() });
    return version;
  }

  /** @throws CasConflict if another version is remembered by now */
  protected heldDirectory(seen: number): Held<Directory> {
    if (!this.directory) throw new Error("the directory isn't loaded");
    if (this.directory.version !== seen) throw new CasConflict();
    return this.directory;
  }

  /** @param cas the version that it must still have. @returns the new one. @throws CasConflict */
  async writeCredential(document: CredentialDocument, cas: number): Promise<number> {
    const { id } = document.row;
    const version = await this.kv.write(this.paths.credential(id), this.#marked(wrap(document)), cas);
    this.holdCredential(id, { content: document, version, atMs: performance.now() });
    return version;
  }

  /** Removes the document of a credential, and its large values. */
  async removeCredential(id: string, document: CredentialDocument | undefined): Promise<void> {
    const large = Object.values(document?.values ?? {}).flatMap((value) => ("at" in value ? [value.at] : []));
    await Promise.all(large.map((at) => this.removeValue(id, at)));
    await this.kv.remove(this.paths.credential(id));
    this.holdCredential(id, { content: undefined, version: 0, atMs: performance.now() });
  }

  /** @param cas the version that it must still have. @throws CasConflict */
  async writeLogins(digest: string, bookings: BookingRow[], cas: number): Promise<void> {
    const version = await this.kv.write(this.paths.logins(digest), this.#marked(wrap({ bookings })), cas);
    this.logins.set(digest, { content: bookings, version, atMs: performance.now() });
  }

  /** Forgets what holds values. */
  forget(): void {
    this.credentials.clear();
    this.#digestKey?.fill(0);
  }

  /** No two writes are equal, so that one whose reply was lost is told from another process's. */
  #marked(data: Record<string, unknown>): Record<string, unknown> {
    return { ...data, write: randomUUID() };
  }
}
