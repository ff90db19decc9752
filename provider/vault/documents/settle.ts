import { isDeepStrictEqual } from "node:util";
import type { Directory } from "./directory.js";
import { CasConflict, type EntryKeeper } from "./storage.js";
import type { Store } from "./store.js";
import type { DirectoryChange } from "./view.js";

const TRIES = 5;

/**
 * Brings what people read of a credential to what its document says, and the document to where it is.
 * @returns true if it is so; false where others write it all the time: it stays noted as due
 */
export async function settleEntry(
  { store, entries }: { store: Store; entries: EntryKeeper },
  id: string,
  directory: Directory,
): Promise<boolean> {
  for (let tries = 1; tries <= TRIES; tries++) {
    try {
      await store.loadCredential(id);
      const held = store.credentials.get(id);
      if (!held?.content) return true;
      await entries.settle(held.content, held.version, entries.placeOf(directory, held.content));
      return true;
    } catch (error) {
      if (!(error instanceof CasConflict)) throw error;
    }
  }
  return false;
}

/**
 * Takes the notes away that these were due. One that another process has noted anew since they were settled stays: its
 * entry isn't where the directory has it now.
 */
export function forgetDue(
  { store, entries }: { store: Store; entries: EntryKeeper },
  ids: readonly string[],
): DirectoryChange {
  return (directory) => {
    for (const id of ids) {
      const document = entries.movesAlong ? store.credentials.get(id)?.content : undefined;
      const isPlaced = !document || isDeepStrictEqual(entries.placeOf(directory, document), document.entry?.path);
      if (isPlaced) directory.due.remove(id);
    }
  };
}
