import { CoffreError } from "../../core/errors.js";
import type { Contents } from "./contents.js";
import type { VaultContext } from "./context.js";
import type { Keyed } from "./owner.js";
import type { Rows } from "./rows.js";

/** What records with contents are kept in. */
export interface HolderStorage {
  rows: Rows;
  context: VaultContext;
  keyed: Keyed;
  contents: Contents;
}

/** What drop-boxes and transfers have in common: rows whose files lie beside them. */
export abstract class FileHolders {
  protected readonly rows: Rows;
  protected readonly context: VaultContext;
  protected readonly keyed: Keyed;
  protected readonly contents: Contents;

  constructor({ rows, context, keyed, contents }: HolderStorage) {
    this.rows = rows;
    this.context = context;
    this.keyed = keyed;
    this.contents = contents;
  }

  /** Without its row, and the key in it, a content is of no use to anybody: a kill before this leaves only bytes. */
  protected async empty(fileIds: readonly string[]): Promise<void> {
    for (const id of fileIds) await this.contents.remove(id);
  }
}

/** The one of these that carries a resource's mark. @param what of two, as the beginning of a sentence. @throws CoffreError CONFLICT */
export function onlyMarked(
  [first, second]: readonly string[],
  { what, ownerKey, hint }: { what: string; ownerKey: string; hint: string },
): string | undefined {
  if (second === undefined) return first;
  throw new CoffreError("CONFLICT", `${what} carry the mark of ${ownerKey}: ${first} and ${second}`, { hint });
}
