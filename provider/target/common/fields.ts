import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { parseReference } from "../../core/reference.js";
import type { TargetSpec } from "../port.js";
import { canonicalHost } from "./address.js";

const NO_HOST = "must be a host name or an IP address; a path of a unix socket can't name a server for everybody";

/** A host in one spelling. */
export const Host = z.string().transform((text, context) => {
  const host = canonicalHost(text);
  if (host === undefined) context.addIssue({ code: "custom", message: NO_HOST });
  return host ?? text;
});

export const Port = z.int().min(1).max(65_535);

/** A time limit of one call. */
export const Milliseconds = z.int().min(100).max(600_000);

/** Waiting for a new machine: seconds until it answers, default 0. */
export const WaitFor = z.strictObject({ timeoutSeconds: z.int().min(0).max(3_600) });

/** What becomes of the account when its credential is deleted. */
export const OnDelete = z.enum(["keep", "disable", "drop"]);

/** The text of a reference to a credential. */
export const Reference = z.string().superRefine((text, context) => {
  try {
    parseReference(text);
  } catch (error) {
    if (!(error instanceof CoffreError)) throw error;
    const why = error.problem.replace(/^The reference isn't valid: /, "");
    context.addIssue({ code: "custom", message: `isn't a reference: ${why}` });
  }
});

/** Upper bounds of single calls, milliseconds. Default 10,000 each; the server stops working at half of `setMs`. */
export const Limits = z.strictObject({
  /** To connect and log in, and for the look. */
  connectMs: Milliseconds.optional(),
  /** To change the password. */
  setMs: Milliseconds.optional(),
  /** To prove it at one address. */
  verifyMs: Milliseconds.optional(),
});

const DEFAULT_LIMIT_MS = 10_000;

/** With the defaults. */
export function limitsOf(limits: z.output<typeof Limits> = {}): TargetSpec["limits"] {
  const { connectMs = DEFAULT_LIMIT_MS, setMs = DEFAULT_LIMIT_MS, verifyMs = DEFAULT_LIMIT_MS } = limits;
  return { connectMs, setMs, verifyMs };
}
