import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../../core/clock.js";
import { CoffreError } from "../../../core/errors.js";
import type { Secret } from "../../../core/secret.js";
import type { Damage } from "../check.js";
import type { Store } from "../store.js";
import { DATA_TABLES } from "../tables.js";
import { type BackupSource, type Draft, readDraft } from "./draft.js";
import { checkRecipients, throwAwayIdentity } from "./age.js";
import { signerText } from "./format.js";
import { chainedBlocks } from "./lines.js";
import { writeBackup } from "./write.js";

export interface DrillReport {
  /** True if every row that hasn't changed since is the same in every field. */
  ok: boolean;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** Who signed the backup, and whether it was this vault. */
  signer: string;
  signedByThisVault: boolean;
  /** Rows of the backup, and events. */
  rows: Record<string, number>;
  events: number;
  /** Rows and fields that were compared and are the same. */
  same: number;
  fields: number;
  /** Rows that the vault has changed, removed or added since. */
  changedSince: number;
  /** What differs though nobody changed it: empty if all is well. */
  differences: Damage[];
  /** How long it took to read the backup into a vault, and to compare it, milliseconds. */
  restoreMs: number;
  compareMs: number;
}

interface DrillContext {
  actor: string;
  clock: Clock;
}

/** Whom a drill's own backup is made for, and what has to open it. */
export interface DrillIdentity {
  recipients: readonly string[];
  identities: readonly Secret[];
}

/**
 * The same with a backup that is made now, by default for an identity that only this drill has.
 * @throws CoffreError as {@link drill}; INVALID_INPUT for a text that is no recipient; WRONG_KEY if none of them is an identity's
 */
export async function drillFresh(live: Store, context: DrillContext, named?: DrillIdentity): Promise<DrillReport> {
  const to = mkdtempSync(join(tmpdir(), "coffre-drill-"));
  try {
    const { recipients, identities } = named ?? (await ownIdentity());
    checkRecipients(recipients);
    const { file } = await writeBackup(live, { to, recipients: [...recipients] }, context.clock.now());
    return await drill(live, { file, identities: [...identities] }, context);
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
}

async function ownIdentity(): Promise<DrillIdentity> {
  const { identity, recipient } = await throwAwayIdentity();
  return { recipients: [recipient], identities: [identity] };
}

/**
 * Restores a backup into a throw-away vault in a folder for this user only, and compares it with the live one: every
 * field of every row that was not written since.
 * @throws CoffreError WRONG_VAULT; what reading the backup throws
 */
export async function drill(live: Store, source: BackupSource, { actor, clock }: DrillContext): Promise<DrillReport> {
  const folder = mkdtempSync(join(tmpdir(), "coffre-drill-")); // mode 0700
  try {
    const startMs = clock.monotonicMs();
    const { connection, draft } = await readDraft(join(folder, "drill.db"), source, clock.now(), actor, ({ vault }) => {
      if (vault.id === live.meta.vaultId) return;
      throw new CoffreError("WRONG_VAULT", `The backup is of the vault "${vault.name}" (${vault.id})`, {
        hint: `A drill compares it with its own vault, and "${live.meta.name}" (${live.meta.vaultId}) is open.`,
      });
    });
    try {
      const restoredMs = clock.monotonicMs();
      const compared = compare(live, draft);
      const { header, end } = draft;
      return {
        ok: compared.differences.length === 0,
        takenAt: header.takenAt,
        signer: end.signer,
        signedByThisVault: end.signer === signerText(live.meta.signingKey),
        rows: end.rows,
        events: header.vault.head.seq,
        ...compared,
        restoreMs: Math.round(restoredMs - startMs),
        compareMs: Math.round(clock.monotonicMs() - restoredMs),
      };
    } finally {
      connection.close();
      draft.store.keys.wipe();
      draft.dataKey.fill(0);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Compared = Pick<DrillReport, "same" | "fields" | "changedSince" | "differences">;

function compare(live: Store, { store, header, end }: Draft): Compared {
  const compared: Compared = { same: 0, fields: 0, changedSince: 0, differences: [] };
  for (const { name } of DATA_TABLES) compareTable(name, live, store, end.rows[name] ?? 0, compared);
  compareLog(live, store, header.vault.head.block, compared);
  return compared;
}

function compareTable(name: string, live: Store, draft: Store, counted: number, compared: Compared): void {
  if (!live.sealedTables.some((table) => table.name === name)) {
    compared.changedSince += counted; // the vault is of a format without it
    return;
  }
  const [ours, theirs] = [live.table(name), draft.table(name)];
  const liveIds = new Set(ours.ids());
  let found = 0;
  for (const { id, revision, text } of theirs.stream()) {
    found += 1;
    if (!liveIds.delete(id)) {
      compared.changedSince += 1; // removed since
      continue;
    }
    const now = ours.revisionOf(id);
    if (now.revision > revision) {
      compared.changedSince += 1;
      continue;
    }
    const [was, is] = [JSON.parse(text), JSON.parse(now.text)] as [Record<string, unknown>, Record<string, unknown>];
    const fields = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    compared.fields += fields.length;
    const differing = fields.filter((field) => !isDeepStrictEqual(was[field], is[field]));
    for (const field of differing) compared.differences.push({ table: name, id, problem: `${field} differs` });
    if (now.revision < revision)
      compared.differences.push({ table: name, id, problem: "the vault has an older state" });
    if (differing.length === 0 && now.revision === revision) compared.same += 1;
  }
  compared.changedSince += liveIds.size; // added since
  if (found !== counted) compared.differences.push({ table: name, id: "*", problem: `${found} rows of ${counted}` });
}

/** The log is never rewritten: every block of the backup stands in the vault, to the byte. */
function compareLog(live: Store, draft: Store, last: number, compared: Compared): void {
  const ours = chainedBlocks(live)[Symbol.iterator]();
  for (const { number, text } of chainedBlocks(draft)) {
    if (number > last) return; // the drill's own block
    const now = ours.next();
    if (now.done === true || now.value.text !== text)
      compared.differences.push({ table: "log", id: String(number), problem: "the block differs" });
    else compared.same += 1;
  }
}
