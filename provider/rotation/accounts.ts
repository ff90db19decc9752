import type { TargetSpec } from "../target/port.js";
import type { Credential, TargetRecord } from "../vault/port.js";
import type { RotationContext } from "./context.js";
import { RunSessions } from "./login.js";
import { withKnownPins } from "./pins.js";
import { resume } from "./rotate.js";
import { targetsOf } from "./targets.js";

/**
 * What becomes of the accounts of a credential that is deleted: each target's `onDelete`, by default `disable` for
 * accounts that Coffre made and `keep` for others. An account that only its own password could change is kept.
 * @returns a sentence for each account that was changed or kept against its setting
 */
export async function retireAccounts(context: RotationContext, credential: Credential): Promise<string[]> {
  const notes: string[] = [];
  const sessions = new RunSessions(context, resume);
  try {
    for (const { record, spec } of await withKnownPins(context, targetsOf(context, credential))) {
      const how = retirement(record, spec);
      if (how === "keep") continue;
      await context.refuseOlder(credential);
      if (spec.admin.by === "self") {
        notes.push(`${spec.account} was kept: without an admin nobody could ${how} it`);
        continue;
      }
      await (await sessions.for(spec, credential)).remove(spec, how);
      notes.push(`${spec.account} was ${how === "drop" ? "dropped" : "disabled"}`);
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
