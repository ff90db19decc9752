import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { describeNameProblem } from "../../core/name.js";
import { type NewSlot, type SlotInfo, slotKindOf } from "./slots.js";
import { textOf } from "./sqlite.js";
import type { Store } from "./store.js";

/** The sealed part of a slot. */
export const SlotText = z.object({ label: z.string(), createdAt: z.string(), publicKey: z.string() });

/** @returns the label in NFC. @throws CoffreError INVALID_INPUT */
export function checkLabel(label: string): string {
  const problem = describeNameProblem(label, { foreign: true });
  if (problem === undefined && label.length <= 100) return label.normalize("NFC");
  throw new CoffreError("INVALID_INPUT", `The label of the key slot ${problem ?? "is longer than 100 characters"}`, {
    hint: "Say in a few words whose key it is: `ana`, `runner-3`, `break-glass`.",
    details: { field: "label" },
  });
}

/** Writes a slot, new or in the place of the one with its id, in the transaction that runs on the store. */
export function putSlot(store: Store, slot: NewSlot, { label, createdAt }: { label: string; createdAt: string }): void {
  const { id, kind, kdf, salt, wrapped, checksum, publicKey } = slot;
  store.slots.put(
    store.ledger,
    id,
    [kind, kdf, salt, wrapped, checksum],
    JSON.stringify({ label, createdAt, publicKey }),
  );
}

/** All slots, oldest first. @throws CoffreError CORRUPT */
export function listSlotRows(store: Store): SlotInfo[] {
  const rows = store.connection.prepare("SELECT id, kind FROM slot ORDER BY rowid").all();
  return rows.map((row) => {
    const id = textOf(row, "id");
    const { label, createdAt } = SlotText.parse(JSON.parse(store.slots.get(id) ?? ""));
    return { id, label, kind: slotKindOf(id, textOf(row, "kind")), createdAt };
  });
}

/** What a slot is wrapped with. @throws CoffreError CORRUPT */
export function readSlotRow(store: Store, id: string): Pick<NewSlot, "id" | "salt" | "publicKey"> {
  const row = store.connection.prepare("SELECT salt FROM slot WHERE id = ?").get(id);
  const { publicKey } = SlotText.parse(JSON.parse(store.slots.get(id) ?? ""));
  return { id, salt: row ? textOf(row, "salt") : "", publicKey };
}

/** The slot of this id, or the only one of this label. @throws CoffreError NOT_FOUND, CONFLICT */
export function findSlot(slots: readonly SlotInfo[], idOrLabel: string): SlotInfo {
  const [first, second] = slots.filter(({ id, label }) => id === idOrLabel || label === idOrLabel.normalize("NFC"));
  if (!first) {
    throw new CoffreError("NOT_FOUND", `There is no key slot ${JSON.stringify(idOrLabel)}`, {
      hint: "`coffre vault key list` shows them.",
    });
  }
  if (!second) return first;
  throw new CoffreError("CONFLICT", `Several key slots have the label ${JSON.stringify(idOrLabel)}`, {
    hint: "Name one by its id: `coffre vault key list` shows them.",
  });
}
