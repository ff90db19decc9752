import type { MailRow, WriteOutbox } from "../records/outbox-rows.js";
import { UndoTable } from "./undo-table.js";

/** The outbox in this process's memory. */
export class MemoryOutbox implements WriteOutbox {
  readonly #mails = new UndoTable<MailRow>({});

  /** What a transaction ends together. */
  readonly tables: readonly { commit(): void; rollBack(): void }[] = [this.#mails];

  prepare(): void {
    // There is always room.
  }

  mail(id: string): MailRow | undefined {
    return this.#mails.get(id);
  }

  mails(which: "all" | "waiting"): string[] {
    const rows = this.#mails.all();
    return rows.filter(({ state }) => which === "all" || state !== "failed").map(({ id }) => id);
  }

  putMail(row: MailRow): void {
    this.#mails.put(row.id, row);
  }

  removeMail(id: string): void {
    this.#mails.remove(id);
  }
}
