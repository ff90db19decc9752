import type { Secret } from "../../core/secret.js";
import { webhookHeaders } from "../../core/webhook.js";
import type { RotationContext } from "../context.js";

/** Pauses between tries in one run; after the last the news wait for the next run. */
const PAUSES_MS = [1_000, 5_000];
/** Answers that a later try may change: the receiver is busy, or was started a moment ago. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429]);

/** A message on its way to one receiver. */
export interface Sending {
  url: string;
  id: string;
  body: string;
  secret: Secret;
}

export type Sent = { sent: true } | { sent: false; tries: number; problem: string };

/** Sends a message, a few times if need be. Never throws for what the receiver does; an interruption ends the tries. */
export async function send(context: RotationContext, sending: Sending): Promise<Sent> {
  for (let tries = 1; ; tries++) {
    const failed = await post(context, sending);
    if (failed === undefined) return { sent: true };
    const pauseMs = PAUSES_MS[tries - 1];
    if (!failed.mayPass || pauseMs === undefined) return { sent: false, tries, problem: failed.problem };
    const goesOn = await context.clock.sleep(pauseMs, context.signal).then(
      () => true,
      () => false,
    );
    if (!goesOn) return { sent: false, tries, problem: failed.problem };
  }
}

/** @returns what went wrong, `mayPass` if another try may succeed; nothing if the receiver has it */
async function post(
  { clock, hookTimeoutMs }: RotationContext,
  { url, id, body, secret }: Sending,
): Promise<{ problem: string; mayPass: boolean } | undefined> {
  const headers = { "content-type": "application/json", ...webhookHeaders({ id, at: clock.now(), body }, secret) };
  try {
    // A redirect could lead what is signed to a place that nobody declared.
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(hookTimeoutMs),
    });
    await response.body?.cancel(); // nothing that it says matters, and it may be long
    const { status } = response;
    if (response.ok) return undefined;
    if (status >= 300 && status < 400) return { problem: `answered ${status}: redirects are refused`, mayPass: false };
    return { problem: `answered ${status}`, mayPass: status >= 500 || TRANSIENT.has(status) };
  } catch (error) {
    return { problem: reasonOf(error, hookTimeoutMs), mayPass: true };
  }
}

/** By its kind alone: a message of the network's may repeat what was sent. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (propertyOf(error, "name") === "TimeoutError") return `no answer in ${timeoutMs / 1000} s`;
  const code = propertyOf(propertyOf(error, "cause"), "code");
  return typeof code === "string" && /^[A-Z0-9_]+$/.test(code) ? `not reached (${code})` : "not reached";
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
}
