import { CoffreError } from "../../core/errors.js";
import { RESERVED } from "../documents/documents.js";
import type { Api } from "./api.js";
import type { CategoryItem } from "./messages.js";

/** Below Coffre's own category: where the values of archived credentials stand, out of people's sight. */
const ARCHIVE = "archive";

/** LockSelf's categories that a vault stands in, by their ids. */
export interface Layout {
  /** The category that is the vault's root. */
  root: number;
  /** Coffre's own documents. */
  documents: number;
  archive: number;
}

/** Finds a vault's categories by name, once. */
export class LayoutFinder {
  readonly #api: Api;
  readonly #space: readonly string[];
  #found: Layout | undefined;

  /** @param space names from a shared space down to the category that is the vault's root */
  constructor(api: Api, space: readonly string[]) {
    this.#api = api;
    this.#space = space;
  }

  /** After {@link find}. */
  get layout(): Layout {
    if (!this.#found) throw new Error("the vault isn't open");
    return this.#found;
  }

  /** For messages: `Coffre/.coffre at https://api.lockself.com`. */
  get text(): string {
    return `${[...this.#space, RESERVED].join("/")} at ${this.#api.origin}`;
  }

  /** @throws CoffreError VAULT_MISSING if one of them isn't there, or isn't seen; CONFLICT if there are two of a name */
  async find(): Promise<Layout> {
    if (this.#found) return this.#found;
    const all = await this.#api.listCategories();
    const root = this.#walk(all);
    const documents = root === undefined ? undefined : this.#child(all, root, RESERVED);
    const archive = documents === undefined ? undefined : this.#child(all, documents, ARCHIVE);
    if (root === undefined || documents === undefined || archive === undefined) throw this.#missing(root !== undefined);
    return (this.#found = { root, documents, archive });
  }

  /** Makes what of it isn't there. */
  async make(): Promise<Layout> {
    let parentId: number | null = null;
    for (const name of this.#space) parentId = await this.#ensure(parentId, name);
    if (parentId === null) throw this.#missing(false);
    const documents = await this.#ensure(parentId, RESERVED);
    const archive = await this.#ensure(documents, ARCHIVE);
    return (this.#found = { root: parentId, documents, archive });
  }

  async #ensure(parentId: number | null, name: string): Promise<number> {
    const all = await this.#api.listCategories();
    const found = parentId === null ? this.#top(all, name) : this.#child(all, parentId, name);
    return found ?? this.#api.createCategory({ name, parentId });
  }

  #walk(all: readonly CategoryItem[]): number | undefined {
    const [first = "", ...rest] = this.#space;
    let id = this.#top(all, first);
    for (const name of rest) id = id === undefined ? undefined : this.#child(all, id, name);
    return id;
  }

  /** A space, or a category whose parents the API user doesn't see. */
  #top(all: readonly CategoryItem[], name: string): number | undefined {
    const seen = new Set(all.map(({ id }) => id));
    return this.#only(
      all.filter((item) => item.name === name && (item.parentId === null || !seen.has(item.parentId))),
      name,
    );
  }

  #child(all: readonly CategoryItem[], parentId: number, name: string): number | undefined {
    return this.#only(
      all.filter((item) => item.name === name && item.parentId === parentId),
      name,
    );
  }

  #only(found: readonly CategoryItem[], name: string): number | undefined {
    if (found.length <= 1) return found[0]?.id;
    const ids = found.map(({ id }) => id).join(" and ");
    throw new CoffreError("CONFLICT", `${this.#api.origin} has two categories ${JSON.stringify(name)}: ${ids}`, {
      hint: "Names aren't unique in LockSelf: rename one of them.",
    });
  }

  #missing(hasRoot: boolean): CoffreError {
    const what = hasRoot ? "no vault of Coffre's in" : "no category that the API user sees as";
    return new CoffreError("VAULT_MISSING", `There is ${what} ${this.#space.join("/")} at ${this.#api.origin}`, {
      hint: "Check space and organization in coffre:url, and what is shared with the API user; `coffre vault init` makes a vault.",
    });
  }
}
