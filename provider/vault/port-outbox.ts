/**
 * Mail that the vault owes to people: booked in the same durable write as what caused it, so that neither is there without
 * the other, and taken from here by whoever sends it. It is the vault's own matter, on the machine where its rows are: a
 * `SharedVault` has it, and `coffre serve` sends it. The errors are those of the vault's other methods.
 */
export interface Outbox {
  /**
   * Books mail, all or none, in one write. @param cause an event that is written with it
   * @throws INVALID_INPUT for a recipient that is no address, or a time that is none
   */
  add(mails: readonly MailInput[], cause?: MailCause): Promise<Mail[]>;
  /**
   * Hands out what is due, oldest first, and marks it as being sent: nobody else gets it for `seconds`. A mail that was
   * handed out before and whose sender never said what became of it comes again, as `interrupted`. Mail that is too old to
   * be of use is let go, with an event.
   * @param request.limit default 20 @param request.seconds default 300
   */
  take(request?: { limit?: number; seconds?: number }): Promise<Mail[]>;
  /**
   * Notes that all of a mail but its last line is with a mail server: from here on it may be sent without anybody knowing.
   * @param attempt {@link Mail.attempts} as it was handed out: whose time has run out may not go on
   * @throws LOCKED if it is with somebody else by now, or settled
   */
  handOver(id: string, attempt: number): Promise<void>;
  /** Writes down what became of mail. One that is there no more is left out. @throws INVALID_INPUT for a time that is none */
  settle(outcomes: readonly MailOutcome[]): Promise<void>;
  /** Has mail that was given up tried again, from its first attempt, at once. One that isn't given up stays as it is. */
  retry(ids: readonly string[]): Promise<void>;
  /** All that waits, is being sent or was given up, in the order in which it was booked. What was sent stands in the log. */
  list(): AsyncIterable<Mail>;
  /** When something is due next, ISO 8601, UTC; a time that has passed is now. `undefined`: nothing waits. */
  nextDue(): Promise<string | undefined>;
}

export interface MailInput {
  /** One address, as RFC 5321 has it: `ana@example.com`. */
  to: string;
  /** What names the text: a template of the sender's. */
  template: string;
  /** What the template is filled with. Sealed, and gone once the mail is sent: a one-time code may stand here. */
  parameters: Record<string, MailParameter>;
  /** What it is about, such as a drop-box: the events of its life name it. */
  about?: string[];
  /** Not to be sent before. ISO 8601 with a zone. Default: at once. */
  notBefore?: string;
  /** Of no use after that: it is let go unsent. ISO 8601 with a zone. Default: never. */
  notAfter?: string;
}

export type MailParameter = string | number | boolean | null | readonly MailParameter[];

/** The event that is written with mail; see {@link VaultEvent}. */
export interface MailCause {
  action: string;
  ids: string[];
  detail?: string;
}

export interface Mail extends MailInput {
  /** `ml_…`; the same in each attempt, for the message's own id, so that two copies are seen to be one. */
  id: string;
  about: string[];
  /** `waiting`: to be sent when it is due. `sending`: somebody has it. `failed`: given up, until a person has it retried. */
  state: "waiting" | "sending" | "failed";
  /** How often it was handed out. */
  attempts: number;
  /** When it was booked, ISO 8601, UTC. */
  bookedAt: string;
  /** When it is due; of one that is being sent, when its sender counts as dead. ISO 8601, UTC. */
  nextTry: string;
  /** An earlier sender never said what became of it. */
  interrupted?: true;
  /** Its sender has begun to hand it over ({@link Outbox.handOver}): with `interrupted`, it may have been sent. */
  handedOver?: true;
  /** What went wrong the last time. */
  problem?: string;
}

/** What became of one mail. `problem`: one sentence for a person, without an address's local part or a secret. */
export type MailOutcome =
  | { id: string; outcome: "sent" }
  /** It is tried again at `nextTry` (ISO 8601 with a zone). */
  | { id: string; outcome: "retry"; nextTry: string; problem: string }
  /** It is given up. */
  | { id: string; outcome: "failed"; problem: string };
