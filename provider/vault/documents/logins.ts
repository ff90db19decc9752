import { BOOKING_KEPT_MS } from "../budget.js";
import type { BookingRow } from "../records/rows.js";
import type { CredentialDocument } from "./documents.js";

/** Where bookings are, besides in credentials' documents. */
export interface LoginsHome {
  /** The document of an account that no credential has. @throws Needed */
  ofAccount(account: string): { key: string; bookings: readonly BookingRow[] };
  /** The document of what a host counts. @throws Needed */
  ofHost(host: string): { key: string; bookings: readonly BookingRow[] };
  /** Account and host of bookings that this process has made: it alone settles them. */
  readonly made: Map<string, { account: string; host: string }>;
}

/** The credential that has an account, and how its document is changed. */
export interface Holders {
  ownerOf(account: string): CredentialDocument | undefined;
  put(id: string, document: CredentialDocument): void;
}

/**
 * Bookings of logins. They stand in the document of the credential that has the account, so that a rotation books in the
 * same write; those of an admin that is no credential's account stand in a document of their own. What a host counts
 * stands once more in the host's document: that is written first, so that a kill in between leaves one counted, never one
 * forgotten.
 */
export class Logins {
  readonly #home: LoginsHome;
  readonly #holders: Holders;
  readonly #changedHosts = new Map<string, BookingRow[]>();
  readonly #changedAccounts = new Map<string, BookingRow[]>();
  /** Ids of those that are taken away. Forgotten only once that is written, since the work may have to be done again. */
  readonly removed = new Set<string>();
  readonly #seen = new Map<string, BookingRow>();

  constructor(home: LoginsHome, holders: Holders) {
    this.#home = home;
    this.#holders = holders;
  }

  /**
   * By the key of {@link LoginsHome}, in the order in which they are to be written: what an account's document says is taken
   * for done where the work has to be done again.
   */
  get changed(): Map<string, BookingRow[]> {
    return new Map([...this.#changedHosts, ...this.#changedAccounts]);
  }

  booking(id: string): BookingRow | undefined {
    const made = this.#home.made.get(id);
    return made && this.ofAccount(made.account).find((row) => row.id === id);
  }

  ofAccount(account: string): BookingRow[] {
    const owner = this.#holders.ownerOf(account);
    const rows = (owner?.bookings ?? this.#accountRows(account)).filter((row) => row.account === account);
    for (const row of rows) this.#seen.set(row.id, row);
    return rows.map((row) => ({ ...row }));
  }

  ofHost(host: string): BookingRow[] {
    return this.#hostRows(host).map((row) => ({ ...row }));
  }

  put(row: BookingRow): void {
    this.#home.made.set(row.id, { account: row.account, host: row.host });
    this.removed.delete(row.id);
    this.#changeAccount(row.account, (rows) => [...rows.filter(isNot(row.id)), row]);
    if (countsForHost(row)) this.#changeHost(row.host, (rows) => [...recent(rows, row).filter(isNot(row.id)), row]);
    else if (row.kind === "probe") this.#changeHost(row.host, (rows) => rows.filter(isNot(row.id)));
  }

  /** @param id of one that {@link ofAccount} has answered */
  remove(id: string): void {
    const row = this.#seen.get(id);
    if (!row) return;
    this.#changeAccount(row.account, (rows) => rows.filter(isNot(id)));
    if (countsForHost(row)) this.#changeHost(row.host, (rows) => rows.filter(isNot(id)));
    this.removed.add(id);
  }

  #changeAccount(account: string, change: (rows: readonly BookingRow[]) => BookingRow[]): void {
    const owner = this.#holders.ownerOf(account);
    if (owner) this.#holders.put(owner.row.id, { ...owner, bookings: change(owner.bookings) });
    else this.#changedAccounts.set(this.#home.ofAccount(account).key, change(this.#accountRows(account)));
  }

  #changeHost(host: string, change: (rows: readonly BookingRow[]) => BookingRow[]): void {
    this.#changedHosts.set(this.#home.ofHost(host).key, change(this.#hostRows(host)));
  }

  #accountRows(account: string): readonly BookingRow[] {
    const { key, bookings } = this.#home.ofAccount(account);
    return this.#changedAccounts.get(key) ?? bookings;
  }

  #hostRows(host: string): readonly BookingRow[] {
    const { key, bookings } = this.#home.ofHost(host);
    return this.#changedHosts.get(key) ?? bookings;
  }
}

/** As `checkBudget` counts them. */
function countsForHost({ kind, outcome, cleared }: BookingRow): boolean {
  return outcome === "refused" || (kind === "probe" && cleared !== true);
}

/** Those that still decide something when the new one is made. */
function recent(rows: readonly BookingRow[], { at }: BookingRow): BookingRow[] {
  return rows.filter((row) => Date.parse(row.at) > Date.parse(at) - BOOKING_KEPT_MS);
}

function isNot(id: string): (row: BookingRow) => boolean {
  return (row) => row.id !== id;
}
