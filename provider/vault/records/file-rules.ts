import { CoffreError } from "../../core/errors.js";
import type { ReadRows } from "./rows.js";

/** What whoever runs a vault for others has decided about all files in it, for this process. */
export interface FileRules {
  /** Bytes of all files together, declared ones as they were declared. Default: no limit. */
  quota?: number;
  /** With it every file is in quarantine once it is whole, and it is told of each. */
  scanner?: { arrived(fileId: string): void };
  /** At least as many bytes as there are; not known before the first file comes. */
  counted?: number;
}

/**
 * Takes `more` bytes into account. The sum is counted anew only once it seems to be too large, so that a file costs no look at
 * all others. @throws CoffreError DISK_FULL with `details.quota`
 */
export function requireRoom(tx: ReadRows, rules: FileRules, more: number): void {
  const { quota } = rules;
  if (quota === undefined) return;
  rules.counted ??= countBytes(tx);
  if (rules.counted + more > quota) rules.counted = countBytes(tx); // files may be gone by now
  if (rules.counted + more > quota) {
    throw new CoffreError("DISK_FULL", `All files together may have ${quota} bytes, and ${rules.counted} are taken`, {
      hint: "What was sent before stays. Whoever runs the vault makes room: delete deposits, or raise the quota.",
      details: { quota },
    });
  }
  rules.counted += more;
}

function countBytes(tx: ReadRows): number {
  const counted = tx.boxes.files().filter(({ state }) => state !== "refused");
  return counted.reduce((sum, { size = 0, received }) => sum + Math.max(size, received), 0);
}
