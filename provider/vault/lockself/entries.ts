import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import type { Directory } from "../documents/directory.js";
import type { CredentialDocument } from "../documents/documents.js";
import { CasConflict, type EntryKeeper, type Part, type ShownEntry, type ShownVersion } from "../documents/storage.js";
import { valueName } from "../documents/view.js";
import { usernameOf } from "../port-accounts.js";
import type { Api } from "./api.js";
import type { LayoutFinder } from "./layout.js";
import type { CredentialValue } from "./messages.js";
import { cutNote, decryptAll, decryptNamed, type EntryContent, markOf, ownerOf, says } from "./named-entries.js";
import type { LockselfStore } from "./store.js";
import { shownText, type Texts } from "./texts.js";

/** The first of the two names of a place: the category's id, or these. */
const ROOT = "-";
const ARCHIVE = ["archived"];

/** What an entry shows of a version. */
interface Shown {
  password: string;
  username: string | undefined;
}

/** What the document says of an entry: whether there is one, which needs a current password. */
const [HIDDEN, SHOWN] = [0, 1];

/** The named entries that people read in LockSelf. Each is a copy: the values stand in entries of their own. */
export class LockselfEntries implements EntryKeeper {
  /** LockSelf moves entries with their categories. */
  readonly movesAlong = false;
  readonly #api: Api;
  readonly #store: LockselfStore;
  readonly #texts: Texts;
  readonly #layout: LayoutFinder;

  constructor({ api, store, texts, layout }: { api: Api; store: LockselfStore; texts: Texts; layout: LayoutFinder }) {
    this.#api = api;
    this.#store = store;
    this.#texts = texts;
    this.#layout = layout;
  }

  placeOf(_directory: Directory, { row }: Pick<CredentialDocument, "row">): string[] | undefined {
    return row.archived ? undefined : [row.categoryId ?? ROOT, row.name];
  }

  async checkFree(wanted: readonly { id: string; path: readonly string[] }[], directory: Directory): Promise<void> {
    await Promise.all(
      wanted.map(async ({ id, path: [category = ROOT, name = ""] }) => {
        const at = this.#at(category);
        const found = at === undefined ? [] : await decryptNamed(this.#api, at, name);
        const live = directory.named(category === ROOT ? null : category, name);
        // What a process left that died before it could take it away names a credential that isn't live there.
        const theirs = found.find((value) => {
          const owner = ownerOf(value);
          return owner === undefined || (owner !== id && live.includes(owner));
        });
        if (!theirs) return;
        const what = `An entry ${JSON.stringify(name)} of somebody else's (${theirs.id})`;
        throw new CoffreError("CONFLICT", `${what} stands in LockSelf's category ${at ?? ""}`, {
          hint: "Coffre never touches it: choose another name or category, or rename it there.",
        });
      }),
    );
  }

  async begin(document: CredentialDocument, path: string[]): Promise<ShownEntry> {
    return { path, version: currentOf(document) ? SHOWN : HIDDEN };
  }

  async show(document: CredentialDocument, path: readonly string[]): Promise<boolean> {
    const current = currentOf(document);
    if (current) await this.#put(document, path, await this.#shown(document, current));
    return true;
  }

  /** Writes what is there again: who may do that may write the new password too. */
  async checkEditable(document: CredentialDocument): Promise<void> {
    const { entry, row } = document;
    const found = entry && (await this.#find(row.id, entry.path));
    const categoryId = entry && this.#at(entry.path[0]);
    if (!found || categoryId === undefined) return; // what isn't there is made, as the pending version's was
    const { id, totp, ...content } = found;
    const code = totp === "" ? {} : { totp };
    await this.#api.updateCredential(id, { ...content, ...code, categoryId, opt3: markOf(row.id, row.owner?.mark) });
  }

  async promote(before: CredentialDocument, { password, username }: ShownVersion): Promise<ShownEntry> {
    const { entry } = before;
    if (!entry) throw new CasConflict();
    const shown = { password: await this.#text(before, password), username: username ?? usernameOf(before.row) };
    await this.#put(before, entry.path, shown);
    return { path: entry.path, version: SHOWN };
  }

  async remove(id: string, { path }: ShownEntry): Promise<void> {
    const found = await this.#find(id, path);
    if (found) await this.#api.removeCredential(found.id);
  }

  /** @param live where it should be; `undefined` for one that is archived */
  async settle(document: CredentialDocument, version: number, live: string[] | undefined): Promise<void> {
    const { due: _due, entry, ...rest } = document;
    const path = live ?? ARCHIVE;
    const moved = entry !== undefined && !isDeepStrictEqual(entry.path, path);
    const values = moved ? await this.#copyValues(document, path) : document.values;
    const current = live && currentOf(document);
    const wanted: ShownEntry = { path, version: current ? SHOWN : HIDDEN };
    if (current) await this.#put(document, path, await this.#proven(document, current), moved ? entry : undefined);
    const isSaid = !moved && document.due !== true && isDeepStrictEqual(entry, wanted);
    if (!isSaid) {
      try {
        await this.#store.writeCredential({ ...rest, values, entry: wanted }, version);
      } catch (error) {
        if (moved && error instanceof CasConflict) await this.#removeValues(document, values);
        throw error;
      }
    }
    if (!moved) return;
    if (!current) await this.remove(document.row.id, entry);
    await this.#removeValues(document, document.values);
  }

  /** Each value once more where it belongs now: none is ever changed, or taken away before another one stands for it. */
  async #copyValues(document: CredentialDocument, path: readonly string[]): Promise<CredentialDocument["values"]> {
    const place = this.#at(path[0]);
    if (place === undefined) throw new CasConflict();
    const copies = Object.entries(document.values).map(async ([key, part]) => {
      const at = await this.#store.putValue(document, key, await this.#text(document, part), place);
      return [key, { at }] as const;
    });
    return Object.fromEntries(await Promise.all(copies));
  }

  async #removeValues({ row }: CredentialDocument, values: CredentialDocument["values"]): Promise<void> {
    const places = Object.values(values).flatMap((part) => ("at" in part ? [part.at] : []));
    await Promise.all(places.map((at) => this.#store.removeValue(row.id, at)));
  }

  async #shown(document: CredentialDocument, part: Part): Promise<Shown> {
    return { password: await this.#text(document, part), username: usernameOf(document.row) };
  }

  /** What is to be read. A pending password that is shown already is proven: its run was about to write that down. */
  async #proven(document: CredentialDocument, current: Part): Promise<Shown> {
    const { entry, row, values } = document;
    const version = row.journal.pending?.version;
    const pending = version === undefined ? undefined : values[valueName({ field: PASSWORD_FIELD, version })];
    const found = pending && entry && (await this.#find(row.id, entry.path));
    if (!pending || !found) return this.#shown(document, current);
    const password = await this.#text(document, pending);
    if (found.password !== shownText(password)) return this.#shown(document, current);
    return { password, username: usernameOf(row, version) };
  }

  /** @param from where it stood before, of one that is moved */
  async #put(document: CredentialDocument, path: readonly string[], shown: Shown, from?: ShownEntry): Promise<void> {
    const categoryId = this.#at(path[0]);
    if (categoryId === undefined) throw new CasConflict();
    const moved = from && (await this.#find(document.row.id, from.path));
    const found = moved ?? (await this.#find(document.row.id, path)) ?? (await this.#left(path));
    const content = contentOf(document, path[1] ?? "", shown);
    if (!found) {
      await this.#api.createCredential({ categoryId, ...withoutEmpty(content) });
      return;
    }
    if (!moved && says(found, content)) return;
    await this.#keepForeign(document, found, shown.password, categoryId);
    await this.#api.updateCredential(found.id, { categoryId, ...content });
  }

  /** A password that somebody typed there by hand may be in force somewhere: it gets an entry of its own first. */
  async #keepForeign(document: CredentialDocument, found: CredentialValue, password: string, categoryId: number) {
    if (found.password === shownText(password) || ownerOf(found) !== document.row.id) return;
    const numbers = document.row.versions.map(({ number }) => number).toReversed();
    for (const version of numbers) {
      const part = document.values[valueName({ field: PASSWORD_FIELD, version })];
      if (part && shownText(await this.#text(document, part)) === found.password) return;
    }
    const { id, owner, name } = document.row;
    const kept = `${name} [Coffre: typed by hand, do not delete]`;
    await this.#texts.write(categoryId, kept, found.password, markOf(id, owner?.mark));
  }

  /** The entry of a credential; of several the first. */
  async #find(id: string, [category, name = ""]: readonly string[]): Promise<CredentialValue | undefined> {
    const at = this.#at(category);
    const found = at === undefined ? [] : await decryptNamed(this.#api, at, name);
    return found.find((value) => ownerOf(value) === id);
  }

  /** What stands where an entry goes that has claimed the name: {@link checkFree} found that it is nobody's. */
  async #left([category, name = ""]: readonly string[]): Promise<CredentialValue | undefined> {
    const at = this.#at(category);
    if (at === undefined) return undefined;
    const items = (await this.#api.listCredentials(at)).filter((item) => item.name === name);
    return (await decryptAll(this.#api, items)).find((value) => ownerOf(value) !== undefined);
  }

  async #text({ row }: CredentialDocument, part: Part): Promise<string> {
    const text = "at" in part ? await this.#store.readValue(row.id, part.at) : part.text;
    if (text !== undefined) return text;
    throw new CoffreError("CORRUPT", `A value of credential ${row.name} (${row.id}) is missing in LockSelf`, {
      hint: "Somebody deleted an entry [Coffre: …, do not delete] by hand.",
    });
  }

  #at(category: string | undefined): number | undefined {
    if (category === ARCHIVE[0]) return this.#layout.layout.archive;
    return this.#store.placeOf(category === ROOT || category === undefined ? null : category);
  }
}

function currentOf({ row, values }: CredentialDocument): Part | undefined {
  const current = row.versions.find(({ state }) => state === "current");
  return current && values[valueName({ field: PASSWORD_FIELD, version: current.number })];
}

function contentOf({ row }: CredentialDocument, name: string, { password, username }: Shown): EntryContent {
  const { url = "", description = "", tags, id, owner } = row;
  return {
    name,
    password: shownText(password),
    username: username ?? "",
    domain: url,
    description: cutNote(description),
    tags: tags.join(","),
    opt1: "",
    opt2: "",
    opt3: markOf(id, owner?.mark),
  };
}

function withoutEmpty<Content extends EntryContent>(content: Content): Content {
  // What is left out is optional, except name and password, which aren't empty.
  return Object.fromEntries(Object.entries(content).filter(([, text]) => text !== "")) as Content;
}
