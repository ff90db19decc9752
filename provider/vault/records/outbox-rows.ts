import type { Mail } from "../port-outbox.js";

/** What the outbox asks of a storage, inside the transactions of its `Rows`: the same promises hold. */
export interface ReadOutbox {
  mail(id: string): MailRow | undefined;
  /** Ids of all mail, or of what isn't given up, in the order in which it was booked. */
  mails(which: "all" | "waiting"): string[];
}

export interface WriteOutbox extends ReadOutbox {
  /** Readies the storage for rows of this kind; to be called before one is written. */
  prepare(by: { at: string; actor: string }): void;
  putMail(row: MailRow): void;
  removeMail(id: string): void;
}

/** As the port has it. */
export type MailRow = Mail;
