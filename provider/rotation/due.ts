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

/** The same for everybody who finds the same credential due, so that two jobs rotate it once. */
export function dueCause(credential: Credential): string {
  return `due:${dueAt(credential)?.toISOString() ?? "never"}`;
}
