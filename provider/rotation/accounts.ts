import type { TargetSpec } from "../target/port.js";
import type { Credential, TargetRecord } from "../vault/port.js";
import type { RotationContext } from "./context.js";
import { RunSessions } from "./login.js";
import { isTaken, strayLogins } from "./overlap.js";
import { withKnownPins } from "./pins.js";
import { resume } from "./rotate.js";
import { targetsOf } from "./targets.js";

/**
 * What becomes of the accounts of a credential that is deleted: each target's `onDelete`, by default `disable` for
 * accounts that Coffre made and `keep` for others. An account that only its own password could change is kept.
 * @param taken accounts that are somebody's by now: they stay as they are
 * @returns a sentence for each account that was changed or kept against its setting
 */
export async function retireAccounts(
  context: RotationContext,
  credential: Credential,
  taken: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const notes: string[] = [];
  const sessions = new RunSessions(context, resume);
  try {
    for (const { record, spec } of await withKnownPins(context, targetsOf(context, credential))) {
      const how = retirement(record, spec);
      const parts = freeParts(spec, taken);
      if (how === "keep" || parts.length === 0) continue;
      await context.refuseOlder(credential);
      if (spec.admin.by === "self") {
        notes.push(`${spec.account} was kept: without an admin nobody could ${how} it`);
        continue;
      }
      const session = await sessions.for(spec, credential);
      for (const part of parts) {
        await session.remove(part, how);
        notes.push(`${part.account} was ${how === "drop" ? "dropped" : "disabled"}`);
      }
    }
  } finally {
    await sessions.close();
  }
  return notes;
}

/** The whole, or what of it is nobody's: logins first, since they are members of their role. */
function freeParts({ overlap, ...role }: TargetSpec, taken: ReadonlySet<string>): TargetSpec[] {
  const parts = [...(overlap?.logins ?? []), role].map(({ username, account }) => ({ ...role, username, account }));
  const free = parts.filter(({ account }) => !taken.has(account));
  return free.length < parts.length ? free : [{ ...role, ...(overlap ? { overlap } : {}) }];
}

/**
 * Logins of a credential that is deleted which its targets name no more, since its rotations overlap no longer: nobody else
 * would end them. Kept where the target is.
 * @returns as {@link retireAccounts}
 */
export async function endStrayLogins(context: RotationContext, credential: Credential): Promise<string[]> {
  const notes: string[] = [];
  const sessions = new RunSessions(context, resume);
  try {
    for (const spec of strayLogins(context, credential)) {
      if (spec.onDelete === "keep" || (await isTaken(context, credential, spec.account))) continue;
      await (await sessions.for(spec, credential)).endLogin?.(spec);
      notes.push(`${spec.account} was disabled`);
    }
  } finally {
    await sessions.close();
  }
  return notes;
}

function retirement(record: TargetRecord, spec: TargetSpec): "keep" | "disable" | "drop" {
  if (spec.onDelete !== "default") return spec.onDelete;
  return record.accountMade || record.logins?.some(({ made }) => made) ? "disable" : "keep";
}
