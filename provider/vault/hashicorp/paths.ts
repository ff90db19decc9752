import { RESERVED } from "../documents/documents.js";
import type { DocumentPaths } from "../documents/storage.js";

/** Where everything stands, as names from the mount's root down. */
export class Paths implements DocumentPaths {
  readonly #root: readonly string[];

  /** @param root folders in the mount under which this vault lies; empty for the mount itself */
  constructor(root: readonly string[]) {
    this.#root = root;
  }

  /** Who the vault is. */
  get identity(): string[] {
    return this.#own("vault");
  }

  get directory(): string[] {
    return this.#own("directory");
  }

  credential(id: string): string[] {
    return this.#own("credentials", id);
  }

  /** A large value of a field, by its random name. */
  value(id: string, at: string): string[] {
    return this.#own("values", id, at);
  }

  /** @param digest keyed, of an account or a host */
  logins(digest: string): string[] {
    return this.#own("logins", digest);
  }

  /** What a sync has copied here. @param job digest that names it @param name `job`, or the number of a part of its ledger */
  sync(job: string, name: string): string[] {
    return this.#own("sync", job, name);
  }

  /** What people and applications read, by the names of the categories and its own. */
  entry(path: readonly string[]): string[] {
    return [...this.#root, ...path];
  }

  #own(...names: string[]): string[] {
    return [...this.#root, RESERVED, ...names];
  }
}
