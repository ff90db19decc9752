import { createHmac } from "node:crypto";
import { isLoopback } from "./loopback.js";
import type { Secret } from "./secret.js";

/**
 * How an HTTP hook is signed: Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), so that receivers check it with
 * that convention's own libraries.
 */

const SECRET_PREFIX = "whsec_";
const LONGEST_URL = 2_048;

/** What is signed: whoever changes a byte of it, or its time, needs the secret. */
export interface WebhookMessage {
  /** The same in each try, so that receivers can drop doubles. No full stop in it. */
  id: string;
  /** Of this try; receivers refuse old ones. */
  at: Date;
  body: string;
}

/**
 * The headers that prove where a message comes from: HMAC-SHA256 over `<id>.<seconds since 1970>.<body>`.
 * @param secret after `whsec_` base64, as the convention has it; any other text stands for its UTF-8 bytes
 */
export function webhookHeaders({ id, at, body }: WebhookMessage, secret: Secret): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = createHmac("sha256", keyOf(secret.reveal())).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}

function keyOf(secret: string): Buffer {
  return secret.startsWith(SECRET_PREFIX)
    ? Buffer.from(secret.slice(SECRET_PREFIX.length), "base64")
    : Buffer.from(secret, "utf8");
}

/** What is wrong with the address of a hook, as the end of a sentence; nothing if it can be used. */
export function describeHookUrlProblem(text: string): string | undefined {
  if (text.length > LONGEST_URL) return `must have ${LONGEST_URL} characters or fewer`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return 'must be a URL, for example "https://deploy.example.com/coffre"';
  }
  if (url.username !== "" || url.password !== "") {
    return "holds a user name or a password, which would stand in the state: receivers check the signature";
  }
  if (url.protocol === "https:") return undefined;
  if (url.protocol !== "http:") return "must begin with https://";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return isLoopback(host) ? undefined : "must begin with https://; http:// is taken for this machine itself only";
}
