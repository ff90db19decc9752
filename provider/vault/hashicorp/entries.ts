import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import { usernameOf } from "../port-accounts.js";
import type { Directory } from "../documents/directory.js";
import type { CredentialDocument } from "../documents/documents.js";
import { entryParts } from "../documents/entry.js";
import { CasConflict, type EntryKeeper, type Part, type ShownEntry, type ShownVersion } from "../documents/storage.js";
import type { Store } from "../documents/store.js";
import type { Kv } from "./kv.js";
import type { Paths } from "./paths.js";
import { valueName } from "../documents/view.js";

/** In the custom metadata of what people read: whose entry it is, for people, and for us where a process died. */
const ID_KEY = "coffre-id";
const MARK_KEY = "coffre-mark";

/** Keeps what people read as the credentials' documents say. Everything here may be done twice. */
export class Entries implements EntryKeeper {
  readonly movesAlong = true;
  readonly placeOf = placeOf;
  readonly #store: Store;
  readonly #kv: Kv;
  readonly #paths: Paths;

  constructor(store: Store, kv: Kv, paths: Paths) {
    this.#store = store;
    this.#kv = kv;
    this.#paths = paths;
  }

  /**
   * Refuses places where something stands that isn't Coffre's: other people's entries are never touched.
   * @throws CoffreError CONFLICT that names it; CONFIGURATION if a path keeps too few versions
   */
  async checkFree(wanted: readonly { id: string; path: readonly string[] }[], directory: Directory): Promise<void> {
    const folders = Map.groupBy(wanted, ({ path }) => path.slice(0, -1).join("/"));
    const checks = [...folders.values()].map(async (places) => {
      const [first] = places;
      if (!first) return;
      const taken = new Set(await this.#kv.list(this.#path(first.path.slice(0, -1))));
      const doubtful = places.filter(({ path }) => taken.has(path.at(-1) ?? ""));
      await Promise.all(doubtful.map(async ({ id, path }) => this.#checkOurs(id, path, directory)));
    });
    await Promise.all(checks);
  }

  /** Shows a new password before it is written down as current. @throws CasConflict */
  async promote(before: CredentialDocument, { password: part, ...named }: ShownVersion): Promise<ShownEntry> {
    const { entry } = before;
    if (!entry) throw new CasConflict();
    const shown = { password: await this.#text(before, "password", part), ...named };
    const kv = this.#kv;
    const path = this.#path(entry.path);
    try {
      const version = await kv.patch(path, shown, entry.version);
      if (version !== undefined) return { path: entry.path, version };
    } catch (error) {
      if (!(error instanceof CasConflict)) throw error;
    }
    // Somebody changed or removed it by hand, or a run that ended here has shown this very password.
    return { path: entry.path, version: await this.#write(entry.path, before, shown) };
  }

  /** Shows a credential that was made just now, where nothing stands. */
  async show(document: CredentialDocument, path: readonly string[]): Promise<boolean> {
    const kv = this.#kv;
    try {
      await this.#label(document, path);
      const version = await kv.write(this.#path(path), await this.#content(document), 0);
      return version === document.entry?.version;
    } catch (error) {
      if (error instanceof CasConflict) return false;
      throw error;
    }
  }

  /** It will be the first version there. */
  async begin(_document: CredentialDocument, path: string[]): Promise<ShownEntry> {
    return { path, version: 1 };
  }

  /** A write by `cas` that a policy forbids fails as a whole: the version stays pending, and is in the vault. */
  async checkEditable(): Promise<void> {}

  /** Takes it away, unless it is another's by now. */
  async remove(id: string, { path }: Pick<ShownEntry, "path">): Promise<void> {
    const found = await this.#kv.readMetadata(this.#path(path));
    if (found?.custom[ID_KEY] === id) await this.#kv.remove(this.#path(path));
  }

  async settle(document: CredentialDocument, version: number, path: readonly string[] | undefined): Promise<void> {
    const { row, entry, due: _due, ...rest } = document;
    if (path === undefined) {
      if (entry) await this.remove(row.id, entry);
      if (entry || document.due) await this.#store.writeCredential({ row, ...rest }, version);
      return;
    }
    const stays = entry !== undefined && isDeepStrictEqual(entry.path, path);
    if (!stays) await this.#label(document, path);
    const shown = await this.#kv.read(this.#path(path));
    const wanted = await this.#wanted(document, shown.data);
    let [written, own] = [shown.version, version];
    if (!isDeepStrictEqual(shown.data, wanted)) {
      // Whoever is about to write down what it has just shown learns by its `cas` that it was shown otherwise since.
      own = await this.#store.writeCredential(document, version);
      written = await this.#kv.write(this.#path(path), wanted, shown.version);
    }
    const isSaid = stays && entry.version === written && document.due !== true;
    if (!isSaid) {
      await this.#store.writeCredential({ row, ...rest, entry: { path: [...path], version: written } }, own);
    }
    if (entry && !stays) await this.remove(row.id, entry);
  }

  /** What is to be read. A pending password that is shown already is proven: its run was about to write that down. */
  async #wanted(document: CredentialDocument, shown: Record<string, unknown> | undefined) {
    const { pending } = document.row.journal;
    const value = pending && document.values[valueName({ field: PASSWORD_FIELD, version: pending.version })];
    const isShown = value !== undefined && "text" in value && shown?.["password"] === value.text;
    const username = isShown ? usernameOf(document.row, pending?.version) : undefined;
    return {
      ...(await this.#content(document)),
      ...(isShown ? { password: value.text } : {}),
      ...(username === undefined ? {} : { username }),
    };
  }

  /** @returns the version that says what the document says. @throws CasConflict */
  async #write(path: readonly string[], document: CredentialDocument, changed: object): Promise<number> {
    const kv = this.#kv;
    const wanted = { ...(await this.#content(document)), ...changed };
    const { version, data } = await kv.read(this.#path(path));
    return isDeepStrictEqual(data, wanted) ? version : kv.write(this.#path(path), wanted, version);
  }

  async #content({ row, values }: CredentialDocument): Promise<Record<string, string>> {
    const parts = [...entryParts({ row, values })].map(async ([name, part]): Promise<[string, string]> => [
      name,
      await this.#text({ row }, name, part),
    ]);
    return Object.fromEntries(await Promise.all(parts));
  }

  async #text({ row }: Pick<CredentialDocument, "row">, name: string, part: Part): Promise<string> {
    const text = "at" in part ? await this.#store.readValue(row.id, part.at) : part.text;
    if (text !== undefined) return text;
    throw new CoffreError("CORRUPT", `The value of ${name} of credential ${row.name} (${row.id}) is missing`);
  }

  #label({ row }: CredentialDocument, path: readonly string[]): Promise<void> {
    const mark = row.owner ? { [MARK_KEY]: row.owner.mark } : {};
    return this.#kv.writeMetadata(this.#path(path), { [ID_KEY]: row.id, ...mark });
  }

  async #checkOurs(id: string, path: readonly string[], directory: Directory): Promise<void> {
    const found = await this.#kv.readMetadata(this.#path(path));
    const owner = found?.custom[ID_KEY];
    if (!found || owner === id) return;
    // What a process left that died before it could take it away has an id that isn't live there.
    const categoryId = categoryAt(directory, path.slice(0, -1));
    const live = categoryId === undefined ? [] : directory.named(categoryId, path.at(-1) ?? "");
    const isLeft = owner !== undefined && !live.includes(owner);
    if (isLeft || (owner === undefined && found.version === 0)) return;
    throw new CoffreError("CONFLICT", `At ${this.#kv.pathText(this.#path(path))} stands an entry of somebody else's`, {
      hint: "Coffre never touches it: choose another name or category, or move it out of the way.",
    });
  }

  #path(path: readonly string[]): string[] {
    return this.#paths.entry(path);
  }
}

/** Where people read a credential; `undefined` for one that is out of the tree. */
export function placeOf(directory: Directory, { row }: Pick<CredentialDocument, "row">): string[] | undefined {
  if (row.archived) return undefined;
  const path = [row.name];
  const seen = new Set<string>();
  for (let id = row.categoryId; id !== null;) {
    const category = directory.categories.get(id);
    if (!category || seen.has(id)) return undefined;
    seen.add(id);
    path.unshift(category.name);
    id = category.parentId;
  }
  return path;
}

/** The category at a path of names; `null` is the root. */
function categoryAt(directory: Directory, path: readonly string[]): string | null | undefined {
  let id: string | null = null;
  for (const name of path) {
    const next = directory.categoryNamed(id, name);
    if (next === undefined) return undefined;
    id = next;
  }
  return id;
}
