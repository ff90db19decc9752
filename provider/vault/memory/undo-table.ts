/** How a row is found besides by its id: each function answers the keys under which it stands. */
export type Lookups<Row, Name extends string> = Record<Name, (row: Row) => readonly string[]>;

/**
 * Rows by id with lookups, and the way back to where a transaction began. Rows are kept as JSON text, as a file would
 * keep them: nobody holds a reference into the table, and what isn't JSON doesn't survive.
 */
export class UndoTable<Row extends object, Name extends string = never> {
  readonly #rows = new Map<string, string>();
  readonly #found = new Map<string, Set<string>>();
  readonly #lookups: Lookups<Row, Name>;
  #undo: (() => void)[] = [];

  constructor(lookups: Lookups<Row, Name>) {
    this.#lookups = lookups;
  }

  get(id: string): Row | undefined {
    const text = this.#rows.get(id);
    // Written by `put` from a `Row`.
    return text === undefined ? undefined : (JSON.parse(text) as Row);
  }

  put(id: string, row: Row): void {
    this.#replace(id, JSON.stringify(row));
  }

  remove(id: string): void {
    this.#replace(id, undefined);
  }

  /** Ids of the rows that stand under `key`, in the order in which they were written. */
  find(lookup: Name, key: string): string[] {
    return [...(this.#found.get(`${lookup} ${key}`) ?? [])];
  }

  all(): Row[] {
    return [...this.#rows.keys()].flatMap((id) => this.get(id) ?? []);
  }

  /** Keeps what was written since the last call of this or of `rollBack`. */
  commit(): void {
    this.#undo = [];
  }

  rollBack(): void {
    for (const undo of this.#undo.toReversed()) undo();
    this.#undo = [];
  }

  #replace(id: string, text: string | undefined): void {
    const before = this.#rows.get(id);
    this.#write(id, before, text);
    this.#undo.push(() => this.#write(id, text, before));
  }

  #write(id: string, before: string | undefined, after: string | undefined): void {
    for (const key of this.#keys(before)) this.#found.get(key)?.delete(id);
    if (after === undefined) this.#rows.delete(id);
    else this.#rows.set(id, after);
    for (const key of this.#keys(after)) {
      const ids = this.#found.get(key) ?? new Set();
      this.#found.set(key, ids.add(id));
    }
  }

  #keys(text: string | undefined): string[] {
    if (text === undefined) return [];
    // Written by `put` from a `Row`; the names are the lookups' own.
    const row = JSON.parse(text) as Row;
    const names = Object.keys(this.#lookups) as Name[];
    return names.flatMap((name) => this.#lookups[name](row).map((key) => `${name} ${key}`));
  }
}
