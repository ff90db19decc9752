import type { Clock } from "../../core/clock.js";
import { hasPassed } from "../../core/instant.js";
import type { Mail, MailOutcome, Outbox } from "../../vault/port.js";
import type { LetterStyle } from "./letter-scope.js";
import { writeMail } from "./letters.js";
import { readContent } from "./mails.js";
import type { Smtp } from "./smtp.js";

export interface DeliveryOptions {
  outbox: Outbox;
  smtp: Smtp;
  style: LetterStyle;
  /** The right side of message ids: the sender's domain. */
  domain: string;
  clock: Clock;
  /** Told of what went wrong with the outbox itself. */
  complain: (error: unknown) => void;
}

/** Connections at once. */
const LANES = 4;
/** For how long a mail is one sender's: longer than the longest try, a minute of preparations and ten for the verdict. */
const CLAIM_SECONDS = 900;
/** Pauses before another try, in minutes: RFC 5321 (4.5.4.1) asks for half an hour or more, and for days in all. */
const PAUSES_MINUTES = [1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 1440];
/** How often the outbox is looked at for what another process has booked. */
const LOOK_MS = 5_000;

/**
 * Sends what the outbox holds, each mail once. A mail's end leaves this machine only after the outbox has noted it
 * (`handOver`), so that of a sender that died it is known which mails can be sent again: all that had no such note. One that
 * had it, and no answer, may have been sent: it is never sent again by itself, but given up, for a person to decide.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #ending = new AbortController();
  #woken = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Begins to send, until {@link stop}. */
  start(): void {
    this.#running = this.#run();
  }

  /** Something was booked: it needn't wait for the next look. */
  wake(): void {
    this.#woken.resolve();
  }

  /** Takes no more mail; what is under way ends first. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.wake();
    await this.#running;
  }

  /** Sends what is due. @returns how many mails were taken */
  async sendDue(): Promise<number> {
    const { outbox, clock } = this.#options;
    // Only a look: to take is a write, and mostly there is nothing.
    if (!hasPassed(await outbox.nextDue(), clock.now())) return 0;
    const mails = await outbox.take({ limit: LANES, seconds: CLAIM_SECONDS });
    await Promise.all(mails.map((mail) => this.#deal(mail)));
    return mails.length;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#woken = Promise.withResolvers();
      const sent = await this.sendDue().catch((error: unknown) => {
        this.#options.complain(error);
        return 0;
      });
      if (sent === 0) await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    await Promise.race([this.#woken.promise, this.#options.clock.sleep(LOOK_MS, either).catch(() => undefined)]);
    over.abort();
  }

  /** One that can't be dealt with for the vault's sake stays taken, and comes again as interrupted. */
  async #deal(mail: Mail): Promise<void> {
    try {
      await this.#options.outbox.settle([await this.#send(mail)]);
    } catch (error) {
      this.#options.complain(error);
    }
  }

  async #send(mail: Mail): Promise<MailOutcome> {
    const { outbox, smtp, style, domain } = this.#options;
    const { id, attempts } = mail;
    if (mail.interrupted && mail.handedOver) return failed(id, "its sender ended in the middle: it may have been sent");
    const content = readContent(mail);
    if (!content) return failed(id, "it was booked by another version of Coffre");
    const message = {
      ...writeMail(content, style),
      messageId: `<${id}@${domain}>`,
      to: mail.to,
      at: new Date(mail.bookedAt),
    };
    const end = await smtp.send(message, () => outbox.handOver(id, attempts));
    switch (end.outcome) {
      case "sent":
        return { id, outcome: "sent" };
      case "refused":
        return failed(id, end.problem);
      case "unknown":
        return failed(id, `${end.problem}: it may have been sent`);
      case "later":
        return this.#later(mail, end.problem);
    }
  }

  #later({ id, attempts, notAfter }: Mail, problem: string): MailOutcome {
    const minutes = PAUSES_MINUTES[attempts - 1];
    if (minutes === undefined) return failed(id, problem);
    const now = this.#options.clock.now().getTime();
    // What is of use for minutes only, such as a code, is tried more often.
    const pauseMs = notAfter === undefined ? minutes * 60_000 : Math.min(minutes * 60_000, 15_000);
    return { id, outcome: "retry", nextTry: new Date(now + pauseMs).toISOString(), problem };
  }
}

function failed(id: string, problem: string): MailOutcome {
  return { id, outcome: "failed", problem };
}
