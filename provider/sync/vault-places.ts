import { isCoffreError } from "../core/errors.js";
import type { Category, Vault } from "../vault/port.js";
import { pathKey, type SyncEntry } from "./entry.js";
import { jobKey, type SyncJob } from "./job.js";

/** A category that copies need, and the one of the source that it stands for. */
interface Place {
  path: readonly string[];
  /** Names it in this job: the source's category, or its place in the prefix. */
  key: string;
}

/** The categories in which a job's copies stand. Those that others made are used, and never changed or taken away. */
export class VaultPlaces {
  readonly #vault: Vault;
  readonly #job: SyncJob;
  #byPath = new Map<string, Category>();

  constructor(vault: Vault, job: SyncJob) {
    this.#vault = vault;
    this.#job = job;
  }

  /** The id of the category at a path that was prepared; `null` for the root. */
  idOf(path: readonly string[]): string | null {
    return path.length === 0 ? null : (this.#byPath.get(pathKey(path))?.id ?? null);
  }

  /** Makes what is missing; what was renamed or moved in the source is renamed or moved here, and keeps what stands in it. */
  async prepare(entries: readonly SyncEntry[]): Promise<void> {
    await this.#list();
    const places = placesOf(this.#job, entries);
    for (const place of places) {
      if (this.#byPath.has(pathKey(place.path))) continue;
      await this.#make(place);
    }
  }

  async #make({ path, key }: Place): Promise<void> {
    const name = path.at(-1) ?? "";
    const parentId = this.idOf(path.slice(0, -1));
    const ownerKey = `${this.#token}/${key}`;
    const known = await this.#vault.findOwned("category", ownerKey);
    if (known === undefined) {
      const owner = { key: ownerKey, stack: this.#token, token: this.#token };
      const made = await this.#vault.createCategory({ name, parentId, owner });
      this.#byPath.set(pathKey(path), made);
      return;
    }
    await this.#vault.updateCategory(known, { name, parentId, token: this.#token });
    await this.#list(); // everything below has another path now
  }

  /** Takes away the job's own categories in which nothing stands any more, neither copies at these places nor anything else. */
  async prune(places: readonly (readonly string[])[]): Promise<void> {
    await this.#list();
    const needed = new Set(places.flatMap((path) => path.map((_name, index) => pathKey(path.slice(0, index)))));
    const left = new Map([...this.#byPath.values()].map((category) => [category.id, category]));
    const deepestFirst = [...left.values()].sort((left, right) => right.path.length - left.path.length);
    for (const { id, owned, path } of deepestFirst) {
      const hasChildren = () => [...left.values()].some(({ parentId }) => parentId === id);
      if (!owned || needed.has(pathKey(path)) || hasChildren()) continue;
      if (await this.#delete(id)) left.delete(id);
    }
  }

  /** @returns false if it isn't the job's, isn't empty, or has grants: it stays */
  async #delete(id: string): Promise<boolean> {
    try {
      await this.#vault.deleteCategory(id, { token: this.#token });
      return true;
    } catch (error) {
      if (isCoffreError(error, "CONFLICT")) return false;
      throw error;
    }
  }

  async #list(): Promise<void> {
    this.#byPath = new Map();
    for await (const category of this.#vault.listCategories()) this.#byPath.set(pathKey(category.path), category);
  }

  /** The categories of one job prove themselves by one token. */
  get #token(): string {
    return jobKey(this.#job);
  }
}

/** Every category that the entries need, parents first. */
function placesOf({ prefix }: SyncJob, entries: readonly SyncEntry[]): Place[] {
  const places = new Map<string, Place>();
  for (const { path, categoryIds } of entries) {
    for (let length = 1; length < path.length; length += 1) {
      const place = path.slice(0, length);
      const key = categoryIds[length - 1 - prefix.length] ?? `prefix/${pathKey(place)}`;
      places.set(pathKey(place), { path: place, key });
    }
  }
  return [...places.values()].sort((left, right) => left.path.length - right.path.length);
}
