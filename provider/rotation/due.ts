import type { Credential } from "../vault/port.js";

const DAY_MS = 86_400_000;

/** When `rotation.everyDays` is over, counted from the promotion that the vault knows; `undefined` without a rhythm. */
export function dueAt(credential: Credential): Date | undefined {
  const promotedAt = credential.versions.find(({ state }) => state === "current")?.promotedAt;
  if (!credential.rotation || promotedAt === undefined) return undefined;
  return new Date(Date.parse(promotedAt) + credential.rotation.everyDays * DAY_MS);
}

export function isDue(credential: Credential, now: Date): boolean {
  const due = dueAt(credential);
  return due !== undefined && due <= now;
}

/**
 * When the window for due rotations opens next; `undefined` while it is open, or if there is none. It decides when one
 * begins: what was asked for otherwise, or has begun, waits for no window.
 * @throws CoffreError CONFIGURATION for a time zone that this machine doesn't know
 */
export async function closedUntil({ rotation }: Credential, now: Date): Promise<Date | undefined> {
  if (rotation?.window === undefined) return undefined;
  // Time zones take a while to load, and few need them.
  const { nextOpening } = await import("../core/opening.js");
  const { from } = nextOpening(rotation.window, now);
  return from > now ? from : undefined;
}

/** When a rotation that is due may begin; `undefined` if it may now, or if none is due. @throws as {@link closedUntil} */
export async function waitsUntil(credential: Credential, now: Date): Promise<Date | undefined> {
  return isDue(credential, now) ? closedUntil(credential, now) : undefined;
}

/** Since when a rotation is due, ISO 8601, UTC; `undefined` if none is. */
export function dueSince(credential: Credential, now: Date): string | undefined {
  return isDue(credential, now) ? dueAt(credential)?.toISOString() : undefined;
}

/** The same for everybody who finds the same credential due, so that two jobs rotate it once. */
export function dueCause(credential: Credential): string {
  return `due:${dueAt(credential)?.toISOString() ?? "never"}`;
}
