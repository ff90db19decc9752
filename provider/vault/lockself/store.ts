import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import type { Directory } from "../documents/directory.js";
import type { CategoryPlace } from "../documents/documents.js";
import { CasConflict } from "../documents/storage.js";
import { type NewValue, Store } from "../documents/store.js";
import type { DirectoryChange } from "../documents/view.js";
import type { Api } from "./api.js";
import type { LayoutFinder } from "./layout.js";
import { markOf } from "./named-entries.js";
import { PATHS, type Revisions } from "./revisions.js";
import type { Texts } from "./texts.js";

/** So much of a name stands in the names of the entries that belong to it. */
const LONGEST_STEM = 100;

/** The documents of a vault in LockSelf: values stand in entries of their own, and categories are LockSelf's. */
export class LockselfStore extends Store {
  /** Every value: people may have to find it. */
  override readonly largestInline = -1;
  /** People see an entry for each. */
  override readonly forgetsValues = true;
  readonly #api: Api;
  readonly #texts: Texts;
  readonly #layout: LayoutFinder;

  constructor({ api, texts, layout, kv }: { api: Api; texts: Texts; layout: LayoutFinder; kv: Revisions }) {
    super(kv, PATHS, async () => {
      await layout.find();
    });
    this.#api = api;
    this.#texts = texts;
    this.#layout = layout;
  }

  /** LockSelf's id of a category; `null` is the vault's root. `undefined` for one that is gone. */
  placeOf(categoryId: string | null): number | undefined {
    if (categoryId === null) return this.#layout.layout.root;
    return this.directory?.content.places.get(categoryId)?.at;
  }

  override async writeValue({ document, key, value }: Pick<NewValue, "document" | "key" | "value">): Promise<string> {
    const { archived, categoryId } = document.row;
    const place = archived ? this.#layout.layout.archive : this.placeOf(categoryId);
    if (place !== undefined) return this.putValue(document, key, value, place);
    throw new CoffreError("NOT_FOUND", `There is no category ${categoryId ?? ""}`, {
      details: { categoryId: categoryId ?? "" },
    });
  }

  putValue({ row }: NewValue["document"], key: string, value: string, place: number): Promise<string> {
    const [field = "", version = ""] = key.split(" ");
    const isPending = field === PASSWORD_FIELD && row.journal.pending?.version === Number(version);
    const label = field === PASSWORD_FIELD ? "" : `${row.fields?.find(({ id }) => id === field)?.name ?? field} `;
    const stem = [...row.name].slice(0, LONGEST_STEM).join("");
    const name = `${stem} [Coffre: ${label}${isPending ? "pending " : ""}v${version}, do not delete]`;
    return this.#texts.write(place, name.replaceAll("/", "-"), value, markOf(row.id, row.owner?.mark));
  }

  override async readValue(_id: string, at: string): Promise<string | undefined> {
    return this.#texts.read(at);
  }

  override async removeValue(_id: string, at: string): Promise<void> {
    await this.#texts.remove(at);
  }

  /**
   * Categories are made before the directory names them, and renamed, moved and removed after it: what a kill leaves in
   * between is found by its name, or by {@link mend}.
   */
  override async writeDirectory(changes: readonly DirectoryChange[], seen: number): Promise<number> {
    const held = this.heldDirectory(seen).content;
    const before = held.places.all();
    const placed = await this.#makeCategories(held, changes);
    const version = await super.writeDirectory([...changes, ...placed], seen);
    for (const { id, at } of before) if (!held.places.get(id)) await this.#api.removeCategory(at);
    // The directory is written, and counts: a place that another process is at is left to that, or to whoever comes next.
    return (await this.#bringToPlaces().catch(ignoreConflict)) ?? version;
  }

  override get isTorn(): boolean {
    return this.directory !== undefined && this.#stalePlaces(this.directory.content).length > 0;
  }

  /** Brings LockSelf's categories to the names and places that the directory has. */
  override async mend(): Promise<void> {
    await this.#bringToPlaces();
  }

  /** @returns the directory's new version; `undefined` if all are in their places */
  async #bringToPlaces(): Promise<number | undefined> {
    const held = this.directory;
    const stale = held ? this.#stalePlaces(held.content) : [];
    if (!held || stale.length === 0) return undefined;
    const { version } = held;
    for (const { at, name, parentAt } of stale) await this.#api.updateCategory(at, { name, parentId: parentAt });
    const placed = stale.map(
      (place) =>
        ({ places }: Directory) =>
          places.put(place.id, place),
    );
    return super.writeDirectory(placed, version);
  }

  async #makeCategories(held: Directory, changes: readonly DirectoryChange[]): Promise<DirectoryChange[]> {
    for (const change of changes) change(held);
    const rows = held.categories.all();
    const gone = held.places.all().filter(({ id }) => !held.categories.get(id));
    const taken = new Set(held.places.all().map(({ at }) => at));
    held.rollBack();
    const places = new Map(held.places.all().map((place) => [place.id, place.at]));
    const made: DirectoryChange[] = gone.map(
      ({ id }) =>
        ({ places: all }) =>
          all.remove(id),
    );
    for (const { id, name, parentId } of rows.filter((row) => !places.has(row.id))) {
      const parentAt = parentId === null ? this.#layout.layout.root : places.get(parentId);
      if (parentAt === undefined) continue; // its parent is made first; there is one category a change
      const at = await this.#ensureCategory(name, parentAt, taken);
      places.set(id, at);
      const place: CategoryPlace = { id, at, name, parentAt };
      made.push(({ places: all }) => all.put(id, place));
    }
    return made;
  }

  /** One that is there already and nobody's is taken: people may have made it before. */
  async #ensureCategory(name: string, parentId: number, taken: ReadonlySet<number>): Promise<number> {
    const found = (await this.#api.listCategories()).filter(
      (item) => item.name === name && item.parentId === parentId && !taken.has(item.id),
    );
    const [first, second] = found;
    if (first && second) {
      throw new CoffreError(
        "CONFLICT",
        `LockSelf has two categories ${JSON.stringify(name)}: ${first.id}, ${second.id}`,
        {
          hint: "Names aren't unique in LockSelf: rename one of them.",
        },
      );
    }
    return first?.id ?? this.#api.createCategory({ name, parentId });
  }

  /** As they should be. */
  #stalePlaces(directory: Directory): CategoryPlace[] {
    return directory.places.all().flatMap((place) => {
      const row = directory.categories.get(place.id);
      const parentAt = row && this.placeOf(row.parentId);
      if (!row || parentAt === undefined) return [];
      return row.name === place.name && parentAt === place.parentAt ? [] : [{ ...place, name: row.name, parentAt }];
    });
  }
}

function ignoreConflict(error: unknown): undefined {
  if (!(error instanceof CasConflict)) throw error;
}
