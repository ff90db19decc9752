import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../../core/clock.js";
import { CoffreError } from "../../../core/errors.js";
import type { VaultIdentity } from "../../port.js";
import { checkNothingThere, linkDraft, mapCreateError, removeDraft } from "../create.js";
import type { EmbeddedRows } from "../embedded-rows.js";
import { checkFileSystem, fileSystemType } from "../location.js";
import { relink } from "../rekey.js";
import { checkLabel, putSlot } from "../slot-rows.js";
import { lockSlot, type VaultKey } from "../slots.js";
import type { Store } from "../store.js";
import {
  ACCESS_GRANT,
  BOOKING,
  CREDENTIAL,
  DATA_TABLES,
  type DataTable,
  MAIL,
  MEMBERSHIP,
  SECOND_TABLES,
  tablesOf,
  VALUE,
} from "../tables.js";
import { Transaction } from "../transaction.js";
import { type BackupSource, type Draft, readDraft } from "./draft.js";
import { checkSigner, signerText } from "./format.js";
import { findDeposits } from "./keep-deposits.js";
import { findNewer, type KeptEntry, putNewer } from "./keep-newer.js";
import { holdMail, markRolledBack, refuseLeases } from "./rolled-back.js";
import { makeFolder } from "../../../core/make-folder.js";

export interface RestoreOptions extends BackupSource {
  /** The backup key that must have signed it. Default: in place the vault's own, for a new file any. */
  signedBy?: string;
  actor: string;
  clock: Clock;
}

export interface RestoreReport {
  identity: VaultIdentity;
  /** ISO 8601, UTC: what the vault is like now. */
  takenAt: string;
  /** Rows of each table. */
  rows: Record<string, number>;
  /** Number of the newest event that came from the backup. */
  events: number;
  /** Who signed the backup. */
  signer: string;
  /** How many credentials wait for `coffre verify` or `coffre resolve`. */
  undecided: number;
  /** Entries that have newer passwords than the backup: these stay, as earlier versions. None in a new file. */
  carriedOver: KeptEntry[];
  /** Entries with targets that the backup lacks: archived, with their passwords. None in a new file. */
  setAside: KeptEntry[];
  /** Memberships and grants that hold now and didn't before the restore; in a new file, all of the backup's. */
  rightsBack: number;
}

/** What of the report comes from the restored rows. */
type Found = Pick<RestoreReport, "undecided" | "carriedOver" | "setAside" | "rightsBack">;

/** What stays in place as it is: logins that targets have counted, and mail, since what was sent is known here only. */
const KEPT = [BOOKING.name, MAIL.name];
/** Tables that say who may do what. */
const RIGHTS = [MEMBERSHIP.name, ACCESS_GRANT.name];

export interface NewFile {
  /** Absolute path of the file to be. */
  path: string;
  /** What the first key slot opens with, and its label. */
  key: VaultKey;
  label: string;
}

/**
 * Makes a vault of a backup, in a new file with a key slot of its own. It is the same vault: same id, same digests, so that
 * states find their entries; but another restore counter, so that they find it rolled back.
 * @throws CoffreError CONFLICT if there is a file already; what reading the backup throws
 */
export async function restoreNew(options: RestoreOptions, { path, key, label }: NewFile): Promise<RestoreReport> {
  const { actor, clock } = options;
  checkLabel(label);
  checkNothingThere(path);
  const draftPath = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    makeFolder(dirname(path));
    checkFileSystem(path, fileSystemType);
    const { connection, draft } = await readDraft(draftPath, options, clock.now(), actor);
    try {
      checkSignature(draft, options.signedBy);
      const { store } = draft;
      const slot = await lockSlot(store.keys, draft.dataKey, key);
      store.begin();
      const createdAt = clock.now().toISOString();
      const undecided = markRolledBack(store, draft.header, clock.now());
      holdMail(store, draft.header);
      putSlot(store, slot, { label, createdAt });
      store.addEvent({ at: createdAt, actor, action: "slot.added", ids: [slot.id], detail: label });
      store.finish({ restoreCounter: nextCounter(draft.header.vault.restoreCounter, clock.now()) });
      const rightsBack = RIGHTS.reduce((sum, name) => sum + (draft.end.rows[name] ?? 0), 0);
      const kept = { carriedOver: [], setAside: [], rightsBack };
      const report = reportOf(draft, new Transaction(store).identity(), { undecided, ...kept });
      connection.db.exec("COMMIT");
      connection.close(); // the last one: SQLite moves everything into the file itself
      linkDraft(draftPath, path);
      return report;
    } finally {
      connection.close();
      draft.store.keys.wipe();
      draft.dataKey.fill(0);
    }
  } catch (error) {
    throw mapCreateError(path, error);
  } finally {
    removeDraft(draftPath);
  }
}

/**
 * Makes the open vault what the backup says, in one transaction under the write lock: the file is never replaced. Its
 * log and its key slots stay, what targets may accept stays readable, and so does what is known of refused logins, which
 * targets don't forget; the rest is as it was then, under a new data key.
 * @throws CoffreError WRONG_VAULT for another vault's backup; LOCKED while a lease is held; FORBIDDEN for one that this vault
 * didn't sign; what reading the backup throws
 */
export async function restoreInPlace(rows: EmbeddedRows, options: RestoreOptions): Promise<RestoreReport> {
  const { actor, clock } = options;
  const live = await rows.inspect(({ store, transaction }) => {
    refuseLeases(store, clock.now());
    return { identity: transaction.identity(), signer: signerText(store.meta.signingKey) };
  });
  const draftPath = join(dirname(rows.path), `.${basename(rows.path)}.${randomUUID()}`);
  try {
    const { connection, draft } = await readDraft(draftPath, options, clock.now(), actor, ({ vault }) => {
      if (vault.id !== live.identity.id) throw otherVault(vault, live.identity);
    });
    try {
      checkSignature(draft, options.signedBy ?? live.signer);
      const found: Found = { undecided: 0, carriedOver: [], setAside: [], rightsBack: 0 };
      await rows.rekey(({ store }) => {
        const now = clock.now();
        refuseLeases(store, now); // again: now nobody can get one
        found.rightsBack = countRightsBack(store, draft.store);
        const newer = findNewer(store, draft.store, now);
        const kept = new Map<string, ReadonlySet<string>>([
          [CREDENTIAL.name, newer.rows.credential],
          [VALUE.name, newer.rows.value],
          ...findDeposits(store, draft.store),
        ]);
        if (!isEmpty(draft.store, SECOND_TABLES)) store.upgrade({ at: now.toISOString(), actor });
        for (const { name } of tablesOf(store.meta.format)) {
          if (!KEPT.includes(name)) bringBack(name, store, draft.store, kept.get(name));
        }
        store.names.clear();
        relink(store); // before rows are written: an account may be another credential's again
        putNewer(store, newer);
        found.undecided = markRolledBack(store, draft.header, now);
        found.carriedOver = newer.entries.map(({ kept }) => kept);
        found.setAside = newer.archived;
        const { takenAt, vault } = draft.header;
        const detail = `from the backup of ${takenAt}, event ${vault.head.seq}`;
        const event = { at: now.toISOString(), actor, detail };
        store.addEvent({ ...event, action: "vault.restored", ids: found.carriedOver.map(({ id }) => id) });
        const aside = found.setAside.map(({ id }) => id);
        if (aside.length > 0) store.addEvent({ ...event, action: "credential.archived", ids: aside });
        const counter = Math.max(store.meta.restoreCounter, vault.restoreCounter);
        return { restoreCounter: nextCounter(counter, clock.now()) };
      });
      const identity = await rows.inspect(({ transaction }) => transaction.identity());
      return reportOf(draft, identity, found);
    } finally {
      connection.close();
      draft.store.keys.wipe();
      draft.dataKey.fill(0);
    }
  } finally {
    removeDraft(draftPath);
  }
}

/** Makes one table what it is in the draft; a row that is the same, or that is to be kept, stays untouched. */
function bringBack(name: string, store: Store, draft: Store, kept: ReadonlySet<string> = new Set()): void {
  const definition = DATA_TABLES.find((each) => each.name === name);
  if (!definition) return;
  const [live, from] = [store.table(name), draft.table(name)];
  const wanted = new Set(from.ids());
  const same = new Set<string>();
  const replaced = new Map<string, number>();
  // First everything that has to go, so that two rows can exchange a name.
  for (const id of live.ids()) {
    if (kept.has(id)) continue;
    const { revision, text } = live.revisionOf(id);
    if (wanted.has(id) && from.revisionOf(id).text === text) {
      same.add(id);
      continue;
    }
    replaced.set(id, revision);
    live.remove(store.ledger, id);
  }
  for (const { id, revision, text } of from.stream()) {
    if (same.has(id) || kept.has(id)) continue;
    // Above both, so that neither state can be put back unnoticed.
    const next = Math.max(revision, replaced.get(id) ?? 0) + 1;
    const columns = definition.columnsOf(store.keys.indexOf, id, JSON.parse(text));
    store.ledger.note(name, id, next, { after: live.place(id, columns, next, text) });
  }
}

function isEmpty(store: Store, tables: readonly DataTable[]): boolean {
  return tables.every(({ name }) => store.table(name).ids().length === 0);
}

/** Those that the backup has and the vault hasn't, or has otherwise: whatever was revoked since holds again. */
function countRightsBack(store: Store, draft: Store): number {
  let count = 0;
  for (const name of RIGHTS) {
    const live = new Map([...store.table(name).stream()].map(({ id, text }) => [id, text]));
    for (const { id, text } of draft.table(name).stream()) if (live.get(id) !== text) count += 1;
  }
  return count;
}

/** The time of the restore, so that two restores of one backup, here or elsewhere, are never taken for each other. */
function nextCounter(before: number, now: Date): number {
  return Math.max(before + 1, Math.floor(now.getTime() / 1000));
}

/** @throws CoffreError FORBIDDEN, INVALID_INPUT */
function checkSignature({ end }: Draft, wanted: string | undefined): void {
  if (wanted === undefined || end.signer === checkSigner(wanted)) return;
  throw new CoffreError("FORBIDDEN", `The backup was signed by ${end.signer}, not by ${wanted}`, {
    hint: "Whoever knows a recipient can write a backup for it. If this key is the one that was noted when the backup was made (the vault was re-keyed or restored since), give it with --signed-by. Nothing was changed.",
    details: { signer: end.signer },
  });
}

function otherVault(backup: { id: string; name: string }, live: VaultIdentity): CoffreError {
  return new CoffreError(
    "WRONG_VAULT",
    `The backup is of the vault "${backup.name}" (${backup.id}), and this is "${live.name}" (${live.id})`,
    { hint: "Nothing was changed. Name the vault that it belongs to, or restore it into a new file with --into." },
  );
}

function reportOf({ header, end }: Draft, identity: VaultIdentity, found: Found): RestoreReport {
  const { takenAt, vault } = header;
  return { identity, takenAt, rows: end.rows, events: vault.head.seq, signer: end.signer, ...found };
}
