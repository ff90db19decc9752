import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type * as z from "zod";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import { Unanswered } from "./failures.js";
import type { Http, Message } from "./http.js";
import { Shared } from "./shared.js";
import {
  type CategoryBody,
  CategoryItem,
  Created,
  type CredentialBody,
  CredentialItem,
  CredentialValue,
  LARGEST_PAGE,
  pageOf,
} from "./messages.js";

const Credentials = pageOf(CredentialItem);
const Categories = pageOf(CategoryItem);

/** However large an instance is: a list that goes on after this many pages doesn't end. */
const MOST_PAGES = 1_000;
/** How often a list of several pages is read until two agree. */
const MOST_PASSES = 5;
/** How often it is looked whether a create was done that got no answer, and how long between. */
const LOOKS = 3;

/** What a create leaves in the entry's `opt2`, so that one whose reply was lost is found again. */
const WRITE_MARK = "coffre write ";

export interface ApiOptions {
  /** Sent where lists are asked for by organisation. */
  organizationId?: number;
  /** Entries a page. Default {@link LARGEST_PAGE}. */
  pageSize?: number;
  /** How long something that was created may take to be seen in lists, in milliseconds. */
  settleMs: number;
}

/** LockSelf's operations that a vault needs, typed. */
export class Api {
  readonly #http: Http;
  readonly #options: ApiOptions;
  readonly #lists = new Map<number, Shared<CredentialItem[]>>();
  readonly #categories: Shared<CategoryItem[]>;

  constructor(http: Http, options: ApiOptions) {
    this.#http = http;
    this.#options = options;
    this.#categories = new Shared(() => this.#listCategories());
  }

  get origin(): string {
    return this.#http.origin;
  }

  /** How long something that was created may take to be seen in lists, in milliseconds. */
  get settleMs(): number {
    return this.#options.settleMs;
  }

  /** The entries of one category, as they are after this call: ids and names, no values. By id. */
  listCredentials(categoryId: number): Promise<CredentialItem[]> {
    let list = this.#lists.get(categoryId);
    if (!list) this.#lists.set(categoryId, (list = new Shared(() => this.#listCredentials(categoryId))));
    return list.now();
  }

  /** All categories that the API user sees. */
  listCategories(): Promise<CategoryItem[]> {
    return this.#categories.now();
  }

  /** An entry in clear; `undefined` if it is gone. The server logs it as a use. */
  async decrypt(id: number): Promise<CredentialValue | undefined> {
    try {
      return await this.#http.call({ route: "credentials.decrypt", id }, CredentialValue);
    } catch (error) {
      if (isCoffreError(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /**
   * Creates an entry, once: where no answer says whether that was done, it is looked for before it is tried again.
   * @param nameIsOwn no other entry has this name or ever will, so that it is found by it alone
   * @returns its id. @throws CoffreError
   */
  async createCredential(body: CredentialBody, nameIsOwn = false): Promise<number> {
    const mark = `${WRITE_MARK}${randomUUID()}`;
    const sent = { ...body, opt2: mark };
    const find = async (): Promise<number | undefined> => {
      const named = (await this.listCredentials(body.categoryId)).filter(({ name }) => name === body.name);
      if (nameIsOwn) return named[0]?.id;
      for (const { id } of named.toReversed()) if ((await this.decrypt(id))?.opt2 === mark) return id;
      return undefined;
    };
    return this.#createOnce({ route: "credentials.create", body: sent }, find);
  }

  /** Sends all of an entry: what an instance makes of fields that are left out is documented nowhere. */
  async updateCredential(id: number, body: Omit<CredentialBody, "isAlert">): Promise<void> {
    await this.#tell({ route: "credentials.update", id, body });
  }

  /** Deletes for good; one that is gone is a success. */
  async removeCredential(id: number): Promise<void> {
    await this.#forgive(this.#http.tell({ route: "credentials.delete", id }), "NOT_FOUND");
  }

  async createCategory(body: CategoryBody): Promise<number> {
    const before = new Set((await this.listCategories()).map(({ id }) => id));
    const find = async () =>
      (await this.listCategories()).find(
        ({ id, name, parentId }) => !before.has(id) && name === body.name && parentId === (body.parentId ?? null),
      )?.id;
    return this.#createOnce({ route: "categories.create", body }, find);
  }

  async updateCategory(id: number, body: CategoryBody): Promise<void> {
    await this.#tell({ route: "categories.update", id, body });
  }

  /** @returns false if the server keeps it: something stands in it, or it isn't ours to remove */
  async removeCategory(id: number): Promise<boolean> {
    return this.#forgive(this.#http.tell({ route: "categories.delete", id }), "NOT_FOUND", "CONFLICT", "FORBIDDEN");
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async #createOnce(message: Message, find: () => Promise<number | undefined>): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        const { id } = await this.#http.call(message, Created);
        const found = id ?? (await this.#lookFor(find));
        if (found !== undefined) return found;
      } catch (error) {
        if (!(error instanceof Unanswered)) throw this.#notGone(error, message);
        const found = await this.#lookFor(find);
        if (found !== undefined) return found;
      }
      if (tries < LOOKS) continue;
      throw new CoffreError("UNREACHABLE", `${this.origin} gave no answer to ${message.route}, and nothing was made`, {
        hint: "Run it again: what was begun is found and finished.",
        details: { call: message.route },
      });
    }
  }

  async #lookFor(find: () => Promise<number | undefined>): Promise<number | undefined> {
    for (let looks = 1; looks <= LOOKS; looks++) {
      await pause(this.#options.settleMs);
      const found = await find();
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #tell(message: Message): Promise<void> {
    try {
      await this.#http.tell(message);
    } catch (error) {
      throw this.#notGone(error, message);
    }
  }

  /** A 404 there says nothing about what a vault's caller asked for, so it never reaches him as one. */
  #notGone(error: unknown, { route }: Pick<Message, "route">): unknown {
    if (!isCoffreError(error, "NOT_FOUND")) return error;
    return new CoffreError("CONFLICT", `${this.origin} has no longer what ${route} needs: an entry or its category`, {
      hint: "Somebody removed it there meanwhile, or the API user lost its rights. Run it again once it is back.",
      details: { call: route },
      cause: error,
    });
  }

  async #forgive(work: Promise<void>, ...codes: CoffreError["code"][]): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (error) {
      if (isCoffreError(error, ...codes)) return false;
      throw error;
    }
  }

  async #listCredentials(categoryId: number): Promise<CredentialItem[]> {
    const items = await this.#all("credentials.list", { categoryId }, Credentials);
    // An instance that doesn't know the filter answers all: those of other categories are none of this one's.
    return items.filter((item) => (item.categoryId ?? categoryId) === categoryId);
  }

  #listCategories(): Promise<CategoryItem[]> {
    const { organizationId } = this.#options;
    return this.#all("categories.list", organizationId === undefined ? {} : { organizationId }, Categories);
  }

  /**
   * All items of a list, by id. What is created or deleted between two pages shifts the others, so that one could be missed:
   * a list of several pages is read until two passes have the same.
   */
  async #all<Item extends { id: number }>(
    route: "credentials.list" | "categories.list",
    query: Record<string, number>,
    schema: z.ZodType<Page<Item>>,
  ): Promise<Item[]> {
    let seen = new Map<number, Item>();
    for (let passes = 1; passes <= MOST_PASSES; passes++) {
      const { items, pages } = await this.#pass(route, query, schema);
      const isSame = items.size === seen.size && [...items.keys()].every((id) => seen.has(id));
      const all = pages === 1 || isSame ? items : new Map([...seen, ...items]);
      if (pages === 1 || isSame || passes === MOST_PASSES) return [...all.values()].sort((one, two) => one.id - two.id);
      seen = items;
    }
    return [...seen.values()];
  }

  /** From the first page to the last: at `pages`, at `total`, or at an empty page, whichever is first. */
  async #pass<Item extends { id: number }>(
    route: "credentials.list" | "categories.list",
    query: Record<string, number>,
    schema: z.ZodType<Page<Item>>,
  ): Promise<{ items: Map<number, Item>; pages: number }> {
    const items = new Map<number, Item>();
    const limit = this.#options.pageSize ?? LARGEST_PAGE;
    for (let page = 1; page <= MOST_PAGES; page++) {
      const asked = { route, query: { ...query, page, limit } };
      const answer = await this.#http.call(asked, schema).catch((error: unknown) => {
        throw isCoffreError(error, "NOT_FOUND") ? this.#notListed(route, error) : error;
      });
      const before = items.size;
      for (const item of answer.items) items.set(item.id, item);
      const { pages, total } = answer;
      const isLast =
        answer.items.length === 0 ||
        (pages !== undefined ? page >= pages : total !== undefined ? items.size >= total : answer.items.length < limit);
      if (isLast) return { items, pages: page };
      if (items.size === before) throw this.#endless(route, `gives page ${page} with nothing new on it`);
    }
    throw this.#endless(route, `goes on after ${MOST_PAGES} pages`);
  }

  #notListed(route: string, cause: unknown): CoffreError {
    const { organizationId } = this.#options;
    const what = organizationId === undefined ? "" : ` of organisation ${organizationId}`;
    return new CoffreError("FORBIDDEN", `${this.origin} shows nothing for ${route}${what} (404)`, {
      hint: "Check organization= in coffre:url and the API user's rights. A route at another path is corrected by lockselfRoutes.",
      details: { call: route },
      cause,
    });
  }

  #endless(route: string, what: string): CoffreError {
    return new CoffreError("BAD_RESPONSE", `${this.origin} ${what} in ${route}, and says that there are more`, {
      hint: "Is it LockSelf's API? A proxy may leave out the query.",
      details: { call: route },
    });
  }
}

interface Page<Item> {
  items: Item[];
  pages: number | undefined;
  total: number | undefined;
}
