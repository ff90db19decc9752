/** Rows of one client: the spellings under which they stand, and their numbers in the sheet. */
export interface ClientRows {
  /** As it is spelled first. */
  name: string;
  /** Every spelling, with the first row that has it. */
  spellings: Map<string, number>;
  rows: number[];
}

/** What two spellings of one client have in common: case, accents' way of writing, and spaces don't tell clients apart. */
export function clientKey(name: string): string {
  return name.normalize("NFKC").replaceAll(/\s+/gu, " ").trim().toLocaleLowerCase("en");
}

/** Gathers rows by client, in the order in which the clients come. */
export class ClientGroups {
  readonly #groups = new Map<string, ClientRows>();

  add(name: string, row: number): void {
    const key = clientKey(name);
    const group = this.#groups.get(key) ?? { name: name.trim(), spellings: new Map<string, number>(), rows: [] };
    if (!group.spellings.has(name)) group.spellings.set(name, row);
    group.rows.push(row);
    this.#groups.set(key, group);
  }

  get all(): ClientRows[] {
    return [...this.#groups.values()];
  }
}

const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/**
 * A file's name for a client, for every file system: no path, no control or direction mark, no name that Windows keeps for
 * itself, at most 80 characters. Names that differ stay different by the number before them.
 * @param index of the client, from 0
 */
export function fileNameOf(name: string, index: number): string {
  const safe = name
    .normalize("NFC")
    .replaceAll(/[\p{C}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]/gu, " ")
    .replaceAll(/\s+/gu, " ")
    .trim()
    .replace(/^\.+|\.+$/g, "");
  const short = [...(RESERVED.test(safe) ? `${safe}_` : safe)].slice(0, 80).join("").trim();
  return `${String(index + 1).padStart(4, "0")} ${short || "client"}.xlsx`;
}
