import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import type { VaultEvent } from "../port.js";
import type { FileRules } from "./file-rules.js";
import type { WriteRows } from "./rows.js";

/** Who asks, and when: what every event carries. */
export interface VaultContext {
  /** For example `ana@runner-3 (cli)`. */
  actor: string;
  clock: Clock;
  /** The machine that logs in to targets; hosts count refused logins by it. */
  source: string;
  /** What holds for all files. */
  files: FileRules;
  /** Whether who asks may read values in a category; without it they may. */
  mayRead?: (categoryId: string | null) => boolean;
}

/** Writes one event about `ids`, with the rows that changed before it in the same transaction. */
export function logEvent(
  tx: WriteRows,
  context: VaultContext,
  action: string,
  ids: string[],
  facts: Pick<VaultEvent, "version" | "detail"> = {},
): void {
  tx.addEvent({ at: context.clock.now().toISOString(), actor: context.actor, action, ids, ...facts });
}

/** What stands in messages: the path for people, the id for programs; for who may not read there the id alone. */
export function namedTo(
  { mayRead }: VaultContext,
  path: readonly string[],
  { id, categoryId }: { id: string; categoryId: string | null },
): string {
  return mayRead?.(categoryId) === false ? id : named(path, id);
}

/** What stands in messages: the path for people, the id for programs. */
export function named(path: readonly string[], id: string): string {
  return `${path.join("/")} (${id})`;
}

export function categoryGone(id: string): CoffreError {
  return new CoffreError("NOT_FOUND", `There is no category ${id}`, {
    hint: "A category is named by its id here: `coffre category show` tells the one of a path.",
    details: { categoryId: id },
  });
}

export function credentialGone(id: string): CoffreError {
  return new CoffreError("NOT_FOUND", `There is no credential ${id}`, { details: { credentialId: id } });
}
