import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { Credential, Lease, LeaseGrant, LeaseRequest, RotationStep, VaultEvent } from "../port.js";
import { acquireAsSeen, recordReadBack } from "../records/joined-writes.js";
import type { Keyed } from "../records/owner.js";
import { RecordVault, type RecordVaultOptions } from "../records/record-vault.js";
import type { BackupSource } from "./backup/draft.js";
import type { DrillIdentity, DrillReport } from "./backup/drill.js";
import { signerText } from "./backup/format.js";
import type { RestoreOptions, RestoreReport } from "./backup/restore.js";
import { refuseLeases } from "./backup/rolled-back.js";
import type { BackupOptions, BackupReport } from "./backup/write.js";
import { checkContents } from "./check-boxes.js";
import { type CheckReport, checkVault } from "./check.js";
import { EmbeddedRows, type EmbeddedRowsOptions } from "./embedded-rows.js";
import { KEY_BYTES } from "./keys.js";
import { proofOf } from "./log.js";
import { filesFolder, SealedFiles } from "./sealed-files.js";
import { checkLabel, findSlot, listSlotRows, putSlot, readSlotRow } from "./slot-rows.js";
import { lockAgain, lockSlot, type SlotInfo, type TransitKey, type VaultKey } from "./slots.js";

export type { CheckReport, Damage } from "./check.js";
export type { SlotInfo, SlotKind, TransitKey, VaultKey } from "./slots.js";
export type { BackupOptions, BackupReport, BackupSource, DrillIdentity, DrillReport, RestoreReport };

export interface EmbeddedVaultOptions extends EmbeddedRowsOptions, RecordVaultOptions {}

/** What `rekey` did. */
export interface RekeyReport {
  keyNumber: number;
  /** The key slots that open the vault as before. */
  slots: SlotInfo[];
  dropped: SlotInfo[];
  /** The new public backup key: backups from before were signed by another one. */
  signer: string;
}

/** A vault in one sealed file, with what only a file needs: key slots, and an integrity check. */
export class EmbeddedVault extends RecordVault {
  readonly #rows: EmbeddedRows;
  readonly #files: SealedFiles;
  readonly #keyed: Keyed;

  constructor(options: EmbeddedVaultOptions) {
    const rows = new EmbeddedRows(options);
    const files = new SealedFiles(filesFolder(options.path));
    super(rows, options, files);
    this.#files = files;
    this.#rows = rows;
    this.#keyed = (purpose, text) => rows.keyed(purpose, text);
  }

  /** Absolute path of the file. */
  get path(): string {
    return this.#rows.path;
  }

  /** See the port. */
  acquireAsSeen(
    seen: Credential,
    request: LeaseRequest,
    steps: readonly RotationStep[],
  ): Promise<LeaseGrant & { stepsWritten: boolean }> {
    return this.#rows.write((tx) => acquireAsSeen(tx, this.context, this.#keyed, { seen, request, steps }));
  }

  /** See the port: the value is opened from the file. */
  recordReadBack(
    lease: Lease,
    read: { version: number; value: Secret },
    steps: readonly RotationStep[],
  ): Promise<Credential> {
    return this.#rows.write((tx) => recordReadBack(tx, this.context, this.#keyed, { lease, read, steps }));
  }

  /** All key slots, oldest first; `opened`: the one that this vault was opened with. */
  listSlots(): Promise<(SlotInfo & { opened: boolean })[]> {
    return this.#rows.inspect(({ store, slotId }) =>
      listSlotRows(store).map((slot) => ({ ...slot, opened: slot.id === slotId })),
    );
  }

  /**
   * Adds a key slot: one more key that opens everything.
   * @throws CoffreError CONFLICT if the label is taken; INVALID_INPUT for a label, or a passphrase that is too short
   */
  async addSlot({ label, key }: { label: string; key: VaultKey }): Promise<SlotInfo> {
    const checked = checkLabel(label);
    const { home, dataKey } = await this.#rows.inspect(({ store: { keys } }) => ({
      home: { vaultId: keys.vaultId, keyNumber: keys.keyNumber },
      dataKey: keys.copyDataKey(),
    }));
    const slot = await lockSlot(home, dataKey, key).finally(() => dataKey.fill(0));
    return this.#rows.change(({ store }) => {
      if (listSlotRows(store).some((other) => other.label === checked)) {
        throw new CoffreError("CONFLICT", `There is a key slot ${JSON.stringify(checked)} already`, {
          hint: "Give the new one another label, or remove the old one first.",
        });
      }
      const createdAt = this.context.clock.now().toISOString();
      putSlot(store, slot, { label: checked, createdAt });
      store.addEvent(this.#event("slot.added", [slot.id], checked));
      return { id: slot.id, label: checked, kind: slot.kind, createdAt };
    });
  }

  /**
   * Has the slot of a transit key wrapped by that key's newest version: afterwards the server may refuse the earlier ones.
   * @throws CoffreError NOT_FOUND; CONFLICT for another kind of slot, or one that was changed meanwhile; WRONG_KEY
   */
  async rewrapSlot(idOrLabel: string, transit: TransitKey): Promise<SlotInfo> {
    const { home, dataKey, info, row } = await this.#rows.inspect(({ store }) => {
      const { keys } = store;
      const found = findSlot(listSlotRows(store), idOrLabel);
      return {
        home: { vaultId: keys.vaultId, keyNumber: keys.keyNumber },
        dataKey: keys.copyDataKey(),
        info: found,
        row: readSlotRow(store, found.id),
      };
    });
    if (info.kind !== "transit") {
      dataKey.fill(0);
      throw new CoffreError("CONFLICT", `The key slot ${JSON.stringify(info.label)} opens with no transit key`, {
        hint: "`coffre vault key list` shows which one does.",
      });
    }
    const slot = await lockAgain(home, dataKey, row, transit).finally(() => dataKey.fill(0));
    return this.#rows.change(({ store }) => {
      const now = listSlotRows(store).some(({ id }) => id === info.id) ? readSlotRow(store, info.id) : undefined;
      if (now?.salt !== row.salt) {
        throw new CoffreError("CONFLICT", `The key slot ${JSON.stringify(info.label)} was changed meanwhile`, {
          hint: "Run it again.",
        });
      }
      putSlot(store, slot, info);
      store.addEvent(this.#event("slot.rewrapped", [info.id], info.label));
      return info;
    });
  }

  /**
   * Removes a key slot by id or label. Its key doesn't open the file any more, but still opens older copies of it.
   * @returns the slot, and what else a person has to know
   * @throws CoffreError NOT_FOUND; CONFLICT for the last one, or a label that several have
   */
  removeSlot(idOrLabel: string): Promise<{ slot: SlotInfo; note: string }> {
    return this.#rows.change(({ store }) => {
      const slots = listSlotRows(store);
      const slot = findSlot(slots, idOrLabel);
      if (slots.length === 1) {
        throw new CoffreError("CONFLICT", `${JSON.stringify(slot.label)} is the last key slot`, {
          hint: "Add another one first: without any, nobody opens the vault again.",
        });
      }
      store.slots.remove(store.ledger, slot.id);
      store.addEvent(this.#event("slot.removed", [slot.id], slot.label));
      const note =
        "Copies and backups of the file that were made before still open with this key, and the data key is the same: " +
        "if the key is in wrong hands, `coffre vault rekey`, and rotate the passwords that it could read.";
      return { slot, note };
    });
  }

  /** The newest entry of the event log, to be noted elsewhere: `check({ head })` proves later that it is still there. */
  headProof(): Promise<string> {
    return this.#rows.inspect(({ store: { meta } }) => proofOf(meta.head.seq, meta.head.mac));
  }

  /**
   * Reads everything and compares it with the event log, and looks whether the files beside it are there. Changes nothing.
   * @param options.head a proof that {@link headProof} answered earlier
   * @throws CoffreError INVALID_INPUT for a text that is no proof; what opening throws
   */
  async check(options: { head?: string } = {}): Promise<CheckReport> {
    const { report, files } = await this.#rows.inspect(({ store, transaction }) => {
      const checked = checkVault(store, options);
      // What doesn't open is named already.
      const ids = store.hasSecondTables && checked.ok ? store.files.ids() : [];
      return { report: checked, files: ids.flatMap((id) => transaction.boxes.file(id) ?? []) };
    });
    const { damage } = report;
    await checkContents(
      files,
      (id) => this.#files.sizeOf(id),
      (table, id, problem) => damage.push({ table, id, problem }),
    );
    return { ...report, ok: damage.length === 0 };
  }

  /**
   * Writes a backup of one consistent snapshot, while the vault is in use, and notes it in the event log.
   * @throws CoffreError INVALID_INPUT, READ_ONLY, DISK_FULL; CORRUPT if the vault is damaged
   */
  async backup(options: BackupOptions): Promise<BackupReport> {
    const [{ writeBackup }, { checkRecipients }] = await Promise.all([
      import("./backup/write.js"),
      import("./backup/age.js"),
    ]);
    checkRecipients(options.recipients);
    const { clock } = this.context;
    const report = await this.#rows.snapshot((store) => writeBackup(store, options, clock.now()));
    const detail = `${basename(report.file)}, sha256 ${report.sha256}`;
    await this.#rows.change(({ store }) => store.addEvent(this.#event("vault.backed-up", [], detail)));
    return report;
  }

  /** See `restoreInPlace`. */
  async restore(options: Omit<RestoreOptions, "actor" | "clock">): Promise<RestoreReport> {
    const { restoreInPlace } = await import("./backup/restore.js");
    const { actor, clock } = this.context;
    return restoreInPlace(this.#rows, { ...options, actor, clock });
  }

  /**
   * See `drill` and `drillFresh`: of a backup that is there, or of one that is made for it.
   * @throws CoffreError as they do
   */
  async drill(source?: BackupSource | DrillIdentity): Promise<DrillReport> {
    const { drill, drillFresh } = await import("./backup/drill.js");
    const { actor, clock } = this.context;
    return this.#rows.snapshot((store) =>
      source && "file" in source ? drill(store, source, { actor, clock }) : drillFresh(store, { actor, clock }, source),
    );
  }

  /**
   * Seals everything under a new data key, and lets go the slots named in `drop`. Older copies of the file stay what they
   * are; nothing that opens them opens this file from now on, except the slots that stay.
   * @throws CoffreError NOT_FOUND, CONFLICT if no slot would be left; LOCKED while a lease is held; CORRUPT
   */
  async rekey({ drop = [] }: { drop?: readonly string[] } = {}): Promise<RekeyReport> {
    const { clock } = this.context;
    const dropped: SlotInfo[] = [];
    const signingKey = randomBytes(KEY_BYTES);
    await this.#rows.rekey(({ store }) => {
      refuseLeases(store, clock.now());
      const slots = listSlotRows(store);
      dropped.push(...new Set(drop.map((name) => findSlot(slots, name))));
      if (dropped.length >= slots.length) {
        throw new CoffreError("CONFLICT", "No key slot would be left", {
          hint: "Keep one, or add another one first: without any, nobody opens the vault again.",
        });
      }
      for (const slot of dropped) {
        store.slots.remove(store.ledger, slot.id);
        store.addEvent(this.#event("slot.removed", [slot.id], slot.label));
      }
      store.addEvent(this.#event("vault.rekeyed", [], `key number ${store.meta.keyNumber + 1}`));
      return { signingKey };
    });
    return this.#rows.inspect(({ store }) => ({
      keyNumber: store.meta.keyNumber,
      slots: listSlotRows(store),
      dropped,
      signer: signerText(store.meta.signingKey),
    }));
  }

  #event(action: string, ids: string[], detail: string): Omit<VaultEvent, "seq"> {
    const { actor, clock } = this.context;
    return { at: clock.now().toISOString(), actor, action, ids, detail };
  }
}

/** The vault in a file. Returns at once: the file is opened, and the key asked for, by the first call. */
export function openEmbeddedVault(options: EmbeddedVaultOptions): EmbeddedVault {
  return new EmbeddedVault(options);
}
