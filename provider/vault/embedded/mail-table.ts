import type { MailRow, WriteOutbox } from "../records/outbox-rows.js";
import { textOf } from "./sqlite.js";
import type { Store } from "./store.js";
import { mailColumns } from "./tables.js";

/** The vault's outbox as one transaction on the store sees and changes it. A file of format 1 has none until it is needed. */
export class MailTable implements WriteOutbox {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  prepare(by: { at: string; actor: string }): void {
    this.#store.upgrade(by);
  }

  mail(id: string): MailRow | undefined {
    if (!this.#store.hasSecondTables) return undefined;
    const text = this.#store.mails.get(id);
    // What this vault sealed itself, it reads without asking again.
    return text === undefined ? undefined : (JSON.parse(text) as MailRow);
  }

  mails(which: "all" | "waiting"): string[] {
    if (!this.#store.hasSecondTables) return [];
    const some = which === "waiting" ? "WHERE waiting = 1" : "";
    const rows = this.#store.connection.prepare(`SELECT id FROM mail ${some} ORDER BY rowid`).all();
    return rows.map((row) => textOf(row, "id"));
  }

  putMail(row: MailRow): void {
    this.#store.mails.put(this.#store.ledger, row.id, mailColumns(row), JSON.stringify(row));
  }

  removeMail(id: string): void {
    this.#store.mails.remove(this.#store.ledger, id);
  }
}
