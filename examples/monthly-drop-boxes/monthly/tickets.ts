import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";

/** A ticket to be opened. */
export interface Ticket {
  /** Ours, and the same in each run: by it a ticket is found again. */
  externalId: string;
  subject: string;
  body: string;
}

export interface TicketsOptions {
  /** Of the ticket system, without a path. */
  url: string;
  /** What stands in the header `authorization`; none for a system that asks for none. */
  authorization?: string;
  /** What this and earlier runs have opened: a line each. */
  file: string;
}

const PAUSES_MS = [500, 2_000, 5_000];
const ANSWER_MS = 30_000;

/**
 * Opens tickets as Zendesk's ticket API documents it (`POST /api/v2/tickets.json`), each once: it is noted before a request that it
 * goes out, and after it under which number. Of one that went out in a run that was killed, the system is asked by our own id first.
 */
export class Tickets {
  readonly #options: TicketsOptions;
  readonly #known = new Map<string, { number?: string }>();
  readonly #file: number;

  constructor(options: TicketsOptions) {
    this.#options = options;
    if (existsSync(options.file)) {
      for (const line of readFileSync(options.file, "utf8").split("\n")) {
        // The last line of a killed run may be cut: then it says nothing.
        const [externalId = "", number, end] = line.split("\t");
        if (end === ".") this.#known.set(externalId, number === "" || number === undefined ? {} : { number });
      }
    }
    this.#file = openSync(options.file, "a", 0o600);
    writeSync(this.#file, "\n"); // behind a line that was cut
  }

  /** @returns the ticket's number, and whether it was opened just now. @throws Error that says what the system answered */
  async open(ticket: Ticket): Promise<{ number: string; isNew: boolean }> {
    const { externalId } = ticket;
    const known = this.#known.get(externalId);
    if (known?.number !== undefined) return { number: known.number, isNew: false };
    const found = known && (await this.#find(externalId));
    if (found === undefined) this.#note(externalId, "");
    const number = found ?? (await this.#create(ticket));
    this.#note(externalId, number);
    return { number, isNew: found === undefined };
  }

  close(): void {
    closeSync(this.#file);
  }

  #note(externalId: string, number: string): void {
    writeSync(this.#file, `${externalId}\t${number}\t.\n`);
    fsyncSync(this.#file);
    this.#known.set(externalId, number === "" ? {} : { number });
  }

  async #find(externalId: string): Promise<string | undefined> {
    const answer = await this.#ask(`/api/v2/tickets.json?external_id=${encodeURIComponent(externalId)}`, {});
    const { tickets = [] } = (await answer.json()) as { tickets?: { id: number }[] };
    return tickets[0] && String(tickets[0].id);
  }

  async #create({ externalId, subject, body }: Ticket): Promise<string> {
    const answer = await this.#ask("/api/v2/tickets.json", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        // The same request under the same key is answered with the same ticket.
        "idempotency-key": createHash("sha256").update(externalId).digest("hex"),
      },
      body: JSON.stringify({ ticket: { subject, comment: { body }, external_id: externalId } }),
    });
    const { ticket } = (await answer.json()) as { ticket: { id: number } };
    return String(ticket.id);
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const { url, authorization } = this.#options;
    for (let tries = 0; ; tries++) {
      const headers = { ...init.headers, ...(authorization === undefined ? {} : { authorization }) };
      const answer = await fetch(url.replace(/\/$/, "") + path, {
        ...init,
        headers,
        signal: AbortSignal.timeout(ANSWER_MS),
      }).catch((cause: unknown) => new Error("The ticket system didn't answer", { cause }));
      if (answer instanceof Response && answer.ok) return answer;
      const isBusy = answer instanceof Error || answer.status === 429 || answer.status >= 500;
      const pause = PAUSES_MS[tries];
      if (!isBusy || pause === undefined) {
        throw answer instanceof Error ? answer : new Error(`The ticket system answered ${answer.status}`);
      }
      const asked = answer instanceof Response ? Number(answer.headers.get("retry-after")) * 1_000 : 0;
      await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(pause, asked || 0), 60_000)));
    }
  }
}
