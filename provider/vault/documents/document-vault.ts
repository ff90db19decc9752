import type { ValueAnswer, ValueRequest } from "../port.js";
import { readMany } from "../records/reading.js";
import { RecordVault, type RecordVaultOptions } from "../records/record-vault.js";
import { findCategoryId } from "../records/tree.js";
import type { DocumentRows } from "./rows.js";
import type { View } from "./view.js";

/** A vault whose records are documents on a server, each fetched by its own request: what is read is fetched at once. */
export class DocumentVault extends RecordVault {
  readonly #rows: DocumentRows;

  constructor(rows: DocumentRows, options: RecordVaultOptions) {
    super(rows, options);
    this.#rows = rows;
  }

  override readMany(requests: readonly ValueRequest[]): Promise<(ValueAnswer | Error)[]> {
    return this.#rows.view((view) => {
      const ids = requests.flatMap(({ id, path = [] }) => id ?? candidates(view, path));
      view.preload([...new Set(ids)]);
      return readMany(view, this.context, requests);
    });
  }
}

/** Ids of credentials that a path may mean: only to fetch them all at once. */
function candidates(view: View, path: readonly string[]): string[] {
  const name = path.at(-1);
  const categoryId = findCategoryId(view, path.slice(0, -1));
  return name === undefined || categoryId === undefined ? [] : view.candidates(categoryId, name.normalize("NFC"));
}
