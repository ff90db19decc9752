import { isEmailAddress } from "../../core/email.js";
import { isLoopback } from "../../core/loopback.js";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";

/** How the connection to the mail server is protected. */
export const MAIL_TLS = ["starttls", "implicit", "none"] as const;
export type MailTls = (typeof MAIL_TLS)[number];

/** The mail server that `coffre serve` hands its mails to. */
export interface MailSettings {
  host: string;
  port: number;
  /** `starttls` insists on it; `none` is taken for a server on this machine only. */
  tls: MailTls;
  /** PEM texts of authorities to trust besides the system's. */
  ca?: string;
  login?: { user: string; password: Secret };
  /** The sender: `drop@example.com` or `Example Ltd <drop@example.com>`. */
  from: MailAddress;
  /** Milliseconds for the connection, the greeting and each answer before the message is handed over. Default 30,000. */
  patienceMs?: number;
  /**
   * Milliseconds for the answer to a whole message. Default 600,000, what RFC 5321 (4.5.3.2.6) asks for: who gives up earlier
   * doesn't know whether the message was taken.
   */
  verdictMs?: number;
}

export interface MailAddress {
  /** What is shown, in one line. Empty: the address alone. */
  name: string;
  /** `local@domain`. */
  address: string;
}

/** Reads `Name <local@domain>` or `local@domain`. @throws CoffreError INVALID_INPUT that names `field` */
export function parseMailAddress(field: string, text: string): MailAddress {
  const [, name = "", bracketed] = /^\s*(.*?)\s*<([^<>]*)>\s*$/.exec(text) ?? [];
  const address = bracketed ?? text.trim();
  if (isEmailAddress(address) && !/[\p{C}<>]/u.test(name)) return { name: name.replaceAll(/^"|"$/g, ""), address };
  throw new CoffreError("INVALID_INPUT", `${field} isn't an e-mail address`, {
    hint: "Write drop@example.com, or Example Ltd <drop@example.com>, in one line.",
    details: { field },
  });
}

/** @throws CoffreError CONFIGURATION for a way that would show mails, or the password, to whoever listens */
export function checkMailSettings({ host, tls, login }: MailSettings): void {
  if (tls !== "none" || isLoopback(host)) return;
  const what = login ? "its password and the mails" : "the mails";
  throw new CoffreError("CONFIGURATION", `Without TLS ${what} would go to ${host} in clear text`, {
    hint: "Leave --mail-tls out (STARTTLS is insisted on), or write --mail-tls implicit; none is for a mail server on this machine.",
  });
}
