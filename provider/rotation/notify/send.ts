import type { Secret } from "../../core/secret.js";
import { webhookHeaders } from "../../core/webhook.js";
import type { RotationContext } from "../context.js";

/** Pauses between tries in one run; after the last the news wait for the next run. */
const PAUSES_MS = [1_000, 5_000];
/** How long a program may take, milliseconds. */
const PROGRAM_LIMIT_MS = 30_000;
/** Answers that a later try may change: the receiver is busy, or was started a moment ago. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 425, 429]);

/** What went wrong with one try. */
export interface FailedTry {
  /** The end of a sentence, without anything that was sent. */
  problem: string;
  /** True if another try may succeed. */
  mayPass: boolean;
}

export type Sent = { sent: true } | { sent: false; tries: number; problem: string };

/** Tries a few times if need be; an interruption of the run ends it. */
export async function sendPatiently(
  { clock, signal }: RotationContext,
  tryOnce: () => Promise<FailedTry | undefined>,
): Promise<Sent> {
  for (let tries = 1; ; tries++) {
    const failed = await tryOnce();
    if (failed === undefined) return { sent: true };
    const pauseMs = PAUSES_MS[tries - 1];
    if (!failed.mayPass || pauseMs === undefined) return { sent: false, tries, problem: failed.problem };
    const goesOn = await clock.sleep(pauseMs, signal).then(
      () => true,
      () => false,
    );
    if (!goesOn) return { sent: false, tries, problem: failed.problem };
  }
}

/** A message on its way to one address. */
export interface Posting {
  url: string;
  id: string;
  body: string;
  secret: Secret;
}

/** One signed POST. Never throws for what the receiver does. */
export async function post(
  { clock, hookTimeoutMs }: RotationContext,
  { url, id, body, secret }: Posting,
): Promise<FailedTry | undefined> {
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

/** One run of a program, which reads the message and its id. One that takes all of its time would do so again. */
export async function tell(
  { clock, runHook, signal }: RotationContext,
  argv: readonly string[],
  message: object,
): Promise<FailedTry | undefined> {
  const startedMs = clock.monotonicMs();
  const failed = await runHook({ argv, input: `${JSON.stringify(message)}\n`, limitMs: PROGRAM_LIMIT_MS, signal });
  const tookAll = clock.monotonicMs() - startedMs >= PROGRAM_LIMIT_MS;
  return failed && { ...failed, mayPass: failed.mayPass && !tookAll };
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
