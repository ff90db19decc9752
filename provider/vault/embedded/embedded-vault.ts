import { CoffreError } from "../../core/errors.js";
import type { VaultEvent } from "../port.js";
import { RecordVault, type RecordVaultOptions } from "../records/record-vault.js";
import { type CheckReport, checkVault } from "./check.js";
import { EmbeddedRows, type EmbeddedRowsOptions } from "./embedded-rows.js";
import { proofOf } from "./log.js";
import { checkLabel, findSlot, listSlotRows, putSlot } from "./slot-rows.js";
import { lockSlot, type SlotInfo, type VaultKey } from "./slots.js";

export type { CheckReport, Damage } from "./check.js";
export type { SlotInfo, SlotKind, VaultKey } from "./slots.js";

export interface EmbeddedVaultOptions extends EmbeddedRowsOptions, RecordVaultOptions {}

/** A vault in one sealed file, with what only a file needs: key slots, and an integrity check. */
export class EmbeddedVault extends RecordVault {
  readonly #rows: EmbeddedRows;

  constructor(options: EmbeddedVaultOptions) {
    const rows = new EmbeddedRows(options);
    super(rows, options);
    this.#rows = rows;
  }

  /** Absolute path of the file. */
  get path(): string {
    return this.#rows.path;
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
        throw new CoffreError("CONFLICT", `There is a key slot ${JSON.stringify(checked)} already.`, {
          hint: "Give the new one another label, or remove the old one first.",
        });
      }
      const createdAt = this.context.clock.now().toISOString();
      putSlot(store, slot, { label: checked, createdAt });
      store.addEvent(this.#event("slot.added", slot.id, checked));
      return { id: slot.id, label: checked, kind: slot.kind, createdAt };
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
        throw new CoffreError("CONFLICT", `${JSON.stringify(slot.label)} is the last key slot.`, {
          hint: "Add another one first: without any, nobody opens the vault again.",
        });
      }
      store.slots.remove(store.ledger, slot.id);
      store.addEvent(this.#event("slot.removed", slot.id, slot.label));
      const note =
        "Copies and backups of the file that were made before still open with this key, and the data key is the same: " +
        "if the key is in wrong hands, rotate the passwords that it could read.";
      return { slot, note };
    });
  }

  /** The newest entry of the event log, to be noted elsewhere: `check({ head })` proves later that it is still there. */
  headProof(): Promise<string> {
    return this.#rows.inspect(({ store: { meta } }) => proofOf(meta.head.seq, meta.head.mac));
  }

  /**
   * Reads everything and compares it with the event log. Changes nothing.
   * @param options.head a proof that {@link headProof} answered earlier
   * @throws CoffreError INVALID_INPUT for a text that is no proof; what opening throws
   */
  async check(options: { head?: string } = {}): Promise<CheckReport> {
    return this.#rows.inspect(({ store }) => checkVault(store, options));
  }

  #event(action: string, slotId: string, detail: string): Omit<VaultEvent, "seq"> {
    const { actor, clock } = this.context;
    return { at: clock.now().toISOString(), actor, action, ids: [slotId], detail };
  }
}

/** The vault in a file. Returns at once: the file is opened, and the key asked for, by the first call. */
export function openEmbeddedVault(options: EmbeddedVaultOptions): EmbeddedVault {
  return new EmbeddedVault(options);
}
