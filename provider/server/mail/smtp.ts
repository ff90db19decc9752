import { Transform } from "node:stream";
import { createTransport, type NodemailerError, type SMTPTransportOptions } from "nodemailer";
import { checkEmailAddress } from "../../core/email.js";
import { oneLine } from "../html/locale.js";
import { checkMailSettings, type MailSettings } from "./settings.js";

/** One mail to one person. */
export interface SmtpMail {
  /** With its brackets; drawn once, so that what is sent again is the same mail to every mail program. */
  messageId: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  /** When it was written, not when it was sent. */
  at: Date;
}

/**
 * What became of one try.
 * - `sent`: the server has taken it.
 * - `refused`: it won't take it, also not later.
 * - `later`: it hasn't taken it; another try may succeed.
 * - `unknown`: the whole message was handed over and no answer came, so that it may have been taken.
 */
export type SmtpOutcome = { outcome: "sent" } | { outcome: "refused" | "later" | "unknown"; problem: string };

const PATIENCE_MS = 30_000;
const VERDICT_MS = 600_000;
/** Steps whose refusal is about this one mail. What is refused before them would be so to every mail. */
const ABOUT_THE_MAIL: ReadonlySet<string> = new Set(["RCPT TO", "DATA"]);

/** Hands mails to one mail server, a connection for each. */
export class Smtp {
  readonly #settings: MailSettings;

  /** @throws CoffreError CONFIGURATION */
  constructor(settings: MailSettings) {
    checkMailSettings(settings);
    this.#settings = settings;
  }

  /**
   * Sends one mail. Never throws for what the server does.
   * @param handingOver awaited when all of the message but its last line was sent: until it has returned, the server can't
   * take the mail. If it throws, the server gets no last line, and the error is thrown on
   * @throws CoffreError INVALID_INPUT for an address; whatever `handingOver` throws
   */
  async send(mail: SmtpMail, handingOver: () => Promise<void>): Promise<SmtpOutcome> {
    const to = checkEmailAddress("to", mail.to);
    const { from, patienceMs = PATIENCE_MS } = this.#settings;
    const fault: { error?: unknown } = {};
    let isHandedOver = false;
    // One limit for all that comes before the hand-over: a server that answers each step a moment before that step's limit
    // would keep others waiting for minutes.
    const early = new AbortController();
    const timer = setTimeout(() => early.abort(), patienceMs * 2);
    const gate = new Transform({
      transform: (chunk, _encoding, done) => done(null, chunk),
      flush: (done) => {
        handingOver().then(
          () => {
            clearTimeout(timer);
            isHandedOver = true;
            done();
          },
          (error: unknown) => {
            fault.error = error;
            early.abort();
          },
        );
      },
    });
    const transport = createTransport(this.#options());
    transport.use("stream", (compiled, done) => {
      compiled.message?.processFunc((message) => message.pipe(gate));
      done();
    });
    try {
      await transport.sendMail({
        from: { ...from, name: oneLine(from.name) },
        to: { name: "", address: to },
        subject: oneLine(mail.subject),
        text: mail.text,
        html: mail.html,
        messageId: mail.messageId,
        date: mail.at,
        headers: { "Auto-Submitted": "auto-generated" }, // no holiday notice in return (RFC 3834)
        signal: early.signal,
      });
      return { outcome: "sent" };
    } catch (error) {
      if ("error" in fault) throw fault.error;
      return outcomeOf(error as NodemailerError, isHandedOver);
    } finally {
      clearTimeout(timer);
      transport.close();
    }
  }

  #options(): SMTPTransportOptions {
    const { host, port, tls, ca, login, patienceMs = PATIENCE_MS, verdictMs = VERDICT_MS } = this.#settings;
    return {
      host,
      port,
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "none",
      tls: { minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) },
      // A server that offers no login (any more) isn't one to send without.
      ...(login ? { auth: { user: login.user, pass: login.password.reveal() }, forceAuth: true } : {}),
      connectionTimeout: patienceMs,
      greetingTimeout: patienceMs,
      dnsTimeout: patienceMs,
      socketTimeout: verdictMs,
      // Nothing in a mail may name a file or an address that is then fetched.
      disableFileAccess: true,
      disableUrlAccess: true,
    };
  }
}

/** By codes alone: a server's own words may repeat what was sent. */
function outcomeOf(error: NodemailerError, isHandedOver: boolean): SmtpOutcome {
  const { code = "", command = "", responseCode } = error;
  if (responseCode !== undefined) {
    const problem = `the mail server answered ${responseCode} to ${command || "the message"}`;
    // 503 is about the order of the commands, and may be another on a new connection.
    const isFinal = responseCode >= 500 && responseCode !== 503 && ABOUT_THE_MAIL.has(command);
    return { outcome: isFinal ? "refused" : "later", problem };
  }
  if (isHandedOver)
    return { outcome: "unknown", problem: `the mail server took the message and said nothing (${code})` };
  return { outcome: "later", problem: `the mail server wasn't reached, or went silent (${code})` };
}
