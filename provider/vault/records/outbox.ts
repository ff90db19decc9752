import { checkEmailAddress } from "../../core/email.js";
import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import { hasPassed, parseInstant } from "../../core/instant.js";
import type { Mail, MailCause, MailInput, MailOutcome, Outbox } from "../port-outbox.js";
import { logEvent, type VaultContext } from "./context.js";
import type { MailRow, ReadOutbox } from "./outbox-rows.js";
import type { Rows, WriteRows } from "./rows.js";

const DEFAULT_LIMIT = 20;
const DEFAULT_SECONDS = 300;

/** The outbox of a vault that keeps records of its own: the rules of the port, over a storage of rows. */
export class RecordOutbox implements Outbox {
  readonly #rows: Rows;
  readonly #context: VaultContext;

  constructor(rows: Rows, context: VaultContext) {
    this.#rows = rows;
    this.#context = context;
  }

  add(mails: readonly MailInput[], cause?: MailCause): Promise<Mail[]> {
    return this.#rows.write((tx) => {
      const booked = bookMail(tx, this.#context, mails);
      if (cause) {
        const { action, ids, detail } = cause;
        logEvent(tx, this.#context, action, ids, detail === undefined ? {} : { detail });
      }
      return booked;
    });
  }

  take({ limit = DEFAULT_LIMIT, seconds = DEFAULT_SECONDS }: { limit?: number; seconds?: number } = {}): Promise<
    Mail[]
  > {
    return this.#rows.write((tx) => takeMail(tx, this.#context, { limit, seconds }));
  }

  handOver(id: string, attempt: number): Promise<void> {
    return this.#rows.write((tx) => {
      const row = tx.outbox.mail(id);
      if (row?.state === "sending" && row.attempts === attempt && !row.handedOver) {
        return tx.outbox.putMail({ ...row, handedOver: true });
      }
      throw new CoffreError("LOCKED", `The mail ${id} isn't this sender's any more`, {
        hint: "It took longer than it was given; whoever has it now sends it.",
      });
    });
  }

  settle(outcomes: readonly MailOutcome[]): Promise<void> {
    return this.#rows.write((tx) => outcomes.forEach((outcome) => settleMail(tx, this.#context, outcome)));
  }

  retry(ids: readonly string[]): Promise<void> {
    return this.#rows.write((tx) => {
      for (const id of ids) {
        const row = tx.outbox.mail(id);
        if (row?.state !== "failed") continue;
        const { problem: _problem, ...rest } = withoutAttempt(row);
        tx.outbox.putMail({ ...rest, state: "waiting", attempts: 0, nextTry: this.#context.clock.now().toISOString() });
        logEvent(tx, this.#context, "mail.retried", idsOf(row), factsOf(row));
      }
    });
  }

  async *list(): AsyncIterable<Mail> {
    yield* await this.#rows.read(({ outbox }) => rowsOf(outbox, "all"));
  }

  nextDue(): Promise<string | undefined> {
    return this.#rows.read(({ outbox }) =>
      rowsOf(outbox, "waiting")
        .map(({ nextTry }) => nextTry)
        .sort()
        .at(0),
    );
  }
}

/** Books mail in the write that causes it. @throws CoffreError INVALID_INPUT */
export function bookMail(tx: WriteRows, context: VaultContext, mails: readonly MailInput[]): Mail[] {
  if (mails.length === 0) return [];
  const bookedAt = context.clock.now().toISOString();
  const rows = mails.map(({ to, template, parameters, about = [], notBefore, notAfter }): MailRow => ({
    id: newId("ml_"),
    to: checkEmailAddress("to", to),
    template,
    parameters,
    about: [...about],
    ...(notBefore === undefined ? {} : { notBefore: parseInstant("notBefore", notBefore) }),
    ...(notAfter === undefined ? {} : { notAfter: parseInstant("notAfter", notAfter) }),
    state: "waiting",
    attempts: 0,
    bookedAt,
    nextTry: notBefore === undefined ? bookedAt : parseInstant("notBefore", notBefore),
  }));
  tx.outbox.prepare({ at: bookedAt, actor: context.actor });
  for (const row of rows) tx.outbox.putMail(row);
  return rows;
}

/** Lets go of mail about something that has ended: what waits, and what was given up. What is being sent is its sender's. */
export function releaseMail(tx: WriteRows, context: VaultContext, about: string): void {
  for (const row of rowsOf(tx.outbox, "all")) {
    if (row.state === "sending" || !row.about.includes(about)) continue;
    tx.outbox.removeMail(row.id);
    logEvent(tx, context, "mail.expired", idsOf(row), factsOf(row));
  }
}

function takeMail(
  tx: WriteRows,
  context: VaultContext,
  { limit, seconds }: { limit: number; seconds: number },
): Mail[] {
  const now = context.clock.now();
  const taken: Mail[] = [];
  const until = new Date(now.getTime() + seconds * 1000).toISOString();
  const due = rowsOf(tx.outbox, "waiting").filter(({ nextTry }) => hasPassed(nextTry, now));
  due.sort((left, right) => Date.parse(left.nextTry) - Date.parse(right.nextTry));
  for (const row of due) {
    if (hasPassed(row.notAfter, now)) {
      tx.outbox.removeMail(row.id);
      logEvent(tx, context, "mail.expired", idsOf(row), factsOf(row));
      continue;
    }
    if (taken.length >= limit) continue;
    const { interrupted: _before, ...rest } = row;
    const mail: MailRow = {
      ...rest,
      state: "sending",
      attempts: row.attempts + 1,
      nextTry: until,
      ...(row.state === "sending" ? { interrupted: true } : {}),
    };
    tx.outbox.putMail(mail);
    taken.push(mail);
  }
  return taken;
}

function settleMail(tx: WriteRows, context: VaultContext, outcome: MailOutcome): void {
  const row = tx.outbox.mail(outcome.id);
  if (!row) return;
  if (outcome.outcome === "sent") {
    tx.outbox.removeMail(row.id);
    logEvent(tx, context, "mail.sent", idsOf(row), factsOf(row));
    return;
  }
  const rest = withoutAttempt(row);
  const { problem } = outcome;
  if (outcome.outcome === "retry") {
    tx.outbox.putMail({ ...rest, state: "waiting", nextTry: parseInstant("nextTry", outcome.nextTry), problem });
    return;
  }
  tx.outbox.putMail({ ...rest, state: "failed", problem });
  logEvent(tx, context, "mail.failed", idsOf(row), factsOf(row));
}

function withoutAttempt({ interrupted: _interrupted, handedOver: _handedOver, ...row }: MailRow): MailRow {
  return row;
}

function rowsOf(outbox: ReadOutbox, which: "all" | "waiting"): MailRow[] {
  return outbox.mails(which).flatMap((id) => outbox.mail(id) ?? []);
}

function idsOf({ id, about }: MailRow): string[] {
  return [id, ...about];
}

/** Which mail, and to whom: the minutes of a drop-box are made of it. */
function factsOf({ template, to }: MailRow): { detail: string } {
  return { detail: `${template} to ${to}` };
}
