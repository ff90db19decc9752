import { setTimeout as pause } from "node:timers/promises";
import { CoffreError } from "../../core/errors.js";
import { CasConflict, type DocumentPaths, type DocumentStorage, type Kept } from "../documents/storage.js";
import type { Api } from "./api.js";
import type { LayoutFinder } from "./layout.js";
import type { CredentialItem } from "./messages.js";
import { fromBase64, LONGEST_TEXT, piecesOf, randomWord } from "./texts.js";

/** How often a document is looked for while others replace it. */
const MOST_READS = 20;
/** So many documents are remembered: an entry never changes, so it is asked for once. */
const MOST_HELD = 4_000;
/** So many of the last writes a document names, so that one that was overtaken learns that it counted. */
const RECENT = 16;

/** One entry that is a revision of a document, or a further piece of one. */
interface Revision {
  id: number;
  /** Its name without what says which piece it is. */
  base: string;
  revision: number;
  word: string;
  /** Of the first piece: how many there are. */
  pieces: number;
  /** From 1; the first one is what makes a revision count, and is written last. */
  piece: number;
}

interface Content {
  recent: string[];
  data: Record<string, unknown>;
}

const NAME = /^(?<key>.+) r(?<revision>\d+) (?<word>[a-z0-9]{10})(?: of (?<pieces>\d+)| part (?<piece>\d+))?$/;

/**
 * Documents in a server that knows no compare-and-set: each revision is an entry of its own, created once. Of several
 * entries of one revision the lowest id counts: `docs/vaults/lockself.md` says why, and what that rests on.
 */
export class Revisions implements DocumentStorage {
  readonly #api: Api;
  readonly #layout: LayoutFinder;
  readonly #parsed = new WeakMap<CredentialItem[], Map<string, Revision[]>>();
  readonly #held = new Map<number, Content>();
  /** What was seen or written last. */
  readonly #newest = new Map<string, { revision: number; id: number; recent: string[] }>();
  /** Entries that this process made. */
  readonly #own = new Set<number>();
  #tidying: Promise<unknown> = Promise.resolve();

  constructor(api: Api, layout: LayoutFinder) {
    this.#api = api;
    this.#layout = layout;
  }

  pathText(path: readonly string[]): string {
    return `${keyOf(path)} in ${this.#layout.text}`;
  }

  async read(path: readonly string[]): Promise<Kept> {
    const key = keyOf(path);
    for (let reads = 1; reads <= MOST_READS; reads++) {
      const all = await this.#list(key);
      const newest = newestOf(all);
      if (!newest) return { version: 0, data: undefined };
      const content = await this.#content(newest, all);
      if (!content) continue; // replaced since it was listed
      this.#remember(key, newest, content);
      return { version: newest.revision, data: content.data };
    }
    throw new CoffreError("BAD_RESPONSE", `${this.pathText(path)} is listed, and isn't there when it is read`, {
      hint: "Others replace it faster than it is read, or the API user doesn't see what it lists: check its rights.",
    });
  }

  async write(path: readonly string[], data: Record<string, unknown>, cas: number): Promise<number> {
    const key = keyOf(path);
    const base = this.#newest.get(key);
    if (cas > 0 && base?.revision !== cas) throw new CasConflict();
    const word = randomWord();
    const revision = cas + 1;
    const recent = [...(cas > 0 ? (base?.recent ?? []) : []), word].slice(-RECENT);
    const content = { recent, data };
    const id = await this.#create(`${key} r${revision} ${word}`, JSON.stringify(content));
    // The id of a credential is random: nobody else can be making its first document.
    const isAlone = cas === 0 && path[0] === CREDENTIAL;
    if (!isAlone && !(await this.#counts(key, { id, word, revision, base: cas > 0 ? base : undefined }))) {
      await this.#remove((one) => one.word === word, key);
      throw new CasConflict();
    }
    this.#own.add(id);
    this.#remember(key, { id, revision }, content);
    if (cas > 0) this.#tidy(key, revision);
    return revision;
  }

  async remove(path: readonly string[]): Promise<void> {
    const key = keyOf(path);
    await this.#remove(() => true, key);
    this.#newest.delete(key);
  }

  /** Waits until older revisions are gone. */
  async close(): Promise<void> {
    await this.#tidying;
    this.#held.clear();
  }

  /** Whether a revision that was written just now is the one that counts. */
  async #counts(
    key: string,
    { id, word, revision, base }: { id: number; word: string; revision: number; base: { id: number } | undefined },
  ): Promise<boolean> {
    // Somebody else may be at it, with an id that was given out before ours and isn't seen yet.
    if (base === undefined || !this.#own.has(base.id)) await pause(this.#api.settleMs);
    for (let reads = 1; reads <= MOST_READS; reads++) {
      const all = await this.#list(key);
      const newest = newestOf(all);
      if (!newest) return false;
      if (newest.revision === revision) {
        // Only who has won, or who removes the document, takes its base away.
        return newest.id === id && (base === undefined || all.some((one) => one.id === base.id));
      }
      if (newest.revision < revision) return false;
      const overtaking = await this.#content(newest, all);
      if (overtaking) return overtaking.recent.includes(word);
    }
    return false;
  }

  async #create(base: string, text: string): Promise<number> {
    const categoryId = this.#layout.layout.documents;
    if (text.length <= LONGEST_TEXT) {
      return this.#api.createCredential({ categoryId, name: base, password: text }, true);
    }
    const [first = "", ...rest] = piecesOf(text);
    await Promise.all(
      rest.map((password, index) =>
        this.#api.createCredential({ categoryId, name: `${base} part ${index + 2}`, password }, true),
      ),
    );
    const name = `${base} of ${rest.length + 1}`;
    return this.#api.createCredential({ categoryId, name, password: first }, true);
  }

  async #content(head: Revision, all: readonly Revision[]): Promise<Content | undefined> {
    const held = this.#held.get(head.id);
    if (held) return held;
    const rest = all.filter(({ base, piece }) => base === head.base && piece > 1).sort((a, b) => a.piece - b.piece);
    const pieces = await Promise.all([head, ...rest].map(({ id }) => this.#api.decrypt(id)));
    if (pieces.length !== head.pieces || pieces.includes(undefined)) return undefined;
    const joined = pieces.map((piece) => piece?.password ?? "").join("");
    const content = parse(head.pieces === 1 ? joined : fromBase64(joined));
    this.#hold(head.id, content);
    return content;
  }

  #remember(key: string, { id, revision }: { id: number; revision: number }, content: Content): void {
    const known = this.#newest.get(key);
    if (known === undefined || known.revision <= revision) {
      this.#newest.set(key, { id, revision, recent: content.recent });
    }
    this.#hold(id, content);
  }

  #hold(id: number, content: Content): void {
    this.#held.delete(id);
    this.#held.set(id, content);
    if (this.#held.size <= MOST_HELD) return;
    const [oldest] = this.#held.keys();
    if (oldest !== undefined) this.#held.delete(oldest);
  }

  async #list(key: string): Promise<Revision[]> {
    const items = await this.#api.listCredentials(this.#layout.layout.documents);
    let parsed = this.#parsed.get(items);
    if (!parsed) {
      parsed = Map.groupBy(items.flatMap(parseName), (one) => one.key);
      this.#parsed.set(items, parsed);
    }
    return parsed.get(key) ?? [];
  }

  /** What is older counts no more. Whoever writes next finds what a process that ended has left. */
  #tidy(key: string, revision: number): void {
    const work = this.#remove((one) => one.revision < revision, key).catch(() => undefined);
    this.#tidying = Promise.all([this.#tidying, work]);
  }

  async #remove(which: (one: Revision) => boolean, key: string): Promise<void> {
    const found = (await this.#list(key)).filter(which);
    const [heads, pieces] = [found.filter(({ piece }) => piece === 1), found.filter(({ piece }) => piece > 1)];
    for (const ids of [heads, pieces]) await Promise.all(ids.map(({ id }) => this.#api.removeCredential(id)));
    for (const { id } of found) this.#held.delete(id);
  }
}

const CREDENTIAL = "credential";

/** The names of Coffre's documents in LockSelf. */
export const PATHS: DocumentPaths = {
  identity: ["vault"],
  directory: ["directory"],
  credential: (id) => [CREDENTIAL, id],
  value: (id, at) => ["value", id, at],
  logins: (digest) => ["logins", digest],
};

function keyOf(path: readonly string[]): string {
  return path.join(" ");
}

/** Of the highest revision that is whole the lowest id. */
function newestOf(all: readonly Revision[]): Revision | undefined {
  let newest: Revision | undefined;
  for (const one of all) {
    if (one.piece > 1) continue;
    const isNewer = newest === undefined || one.revision > newest.revision;
    const isFirst = one.revision === newest?.revision && one.id < newest.id;
    if (isNewer || isFirst) newest = one;
  }
  return newest;
}

function parseName({ id, name }: CredentialItem): (Revision & { key: string })[] {
  const groups = NAME.exec(name)?.groups;
  if (!groups) return [];
  const { key = "", revision = "", word = "", pieces, piece } = groups;
  const base = `${key} r${revision} ${word}`;
  return [{ key, id, base, revision: Number(revision), word, pieces: Number(pieces ?? 1), piece: Number(piece ?? 1) }];
}

function parse(text: string): Content {
  try {
    const { recent, data } = JSON.parse(text) as Partial<Content>; // what Coffre wrote; else it is refused below
    if (Array.isArray(recent) && typeof data === "object") return { recent, data };
  } catch {
    // refused as what it isn't, by whoever unwraps it
  }
  return { recent: [], data: {} };
}
