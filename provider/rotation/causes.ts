import { randomUUID } from "node:crypto";
import type { Credential, TargetRecord, Vault } from "../vault/port.js";

/**
 * Why a version exists. A cause that has a version is never rotated for again, whoever asks, so a run that is repeated
 * after a kill, or an update whose state was lost, draws nothing twice (`protocol.md` section 3).
 */

/** `rotateWhenChanged`: a keyed digest, since people put secrets there. The order of the keys doesn't matter. */
export async function triggerCause(vault: Vault, trigger: Readonly<Record<string, string>>): Promise<string> {
  const sorted = Object.entries(trigger).sort(([a], [b]) => (a < b ? -1 : 1));
  return `trigger:${await vault.digest(JSON.stringify(sorted))}`;
}

/**
 * The accounts, whether logins take turns for them, and the identities of the things behind them: a machine made anew needs
 * a version of its own.
 */
export async function targetsCause(vault: Vault, targets: readonly TargetRecord[]): Promise<string> {
  const things = targets
    .map(({ account, logins = [], description }) => [
      account,
      typeof description["identity"] === "string" ? description["identity"] : "",
      ...logins.map((login) => login.account),
    ])
    .sort(([a], [b]) => ((a ?? "") < (b ?? "") ? -1 : 1));
  return `targets:${await vault.digest(JSON.stringify(things))}`;
}

/** One order of a person or a job: `coffre rotate`, or the command that gave the value itself. */
export function commandCause(by: "command" | "put" | "edit" = "command"): string {
  return `${by}:${randomUUID()}`;
}

/**
 * Of the first version of an entry that a run left without any: what its program names itself, unless that has a
 * `rotateWhenChanged`, which the vault doesn't know and the next `up` rotates for.
 */
export async function firstCauses(vault: Vault, { targets }: Pick<Credential, "targets">): Promise<string[]> {
  const trigger = await triggerCause(vault, {});
  return targets.length > 0 ? [trigger, await targetsCause(vault, targets)] : [trigger];
}

/** The causes that no version of the credential has; a discarded version answers no cause. */
export function missingCauses(credential: Credential, causes: readonly string[]): string[] {
  const had = new Set(
    credential.versions.filter(({ state }) => state !== "discarded").flatMap((version) => version.causes),
  );
  return causes.filter((cause) => !had.has(cause));
}
