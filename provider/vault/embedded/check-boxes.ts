import type { BoxRow, DepositRow, FileRow } from "../records/box-rows.js";
import type { CategoryRow } from "../records/rows.js";
import type { Report } from "./check.js";
import { sealedLength } from "./sealed-files.js";

/** What a check has opened of drop-boxes. */
export interface FoundBoxes {
  categories: ReadonlyMap<string, CategoryRow>;
  boxes: readonly BoxRow[];
  deposits: readonly DepositRow[];
  files: readonly FileRow[];
}

/** Boxes, transfers (which stand in the table of boxes), deposits and files speak of what is there. */
export function checkBoxes({ categories, boxes, deposits, files }: FoundBoxes, report: Report): void {
  for (const { id, categoryId, archived } of boxes) {
    if (!archived && categoryId !== null && !categories.has(categoryId)) {
      report("drop_box", id, `its category ${categoryId} is missing`);
    }
  }
  const boxIds = new Set(boxes.map(({ id }) => id));
  for (const { id, boxId } of deposits)
    if (!boxIds.has(boxId)) report("deposit", id, `its drop-box ${boxId} is missing`);
  const holderIds = new Set([...deposits, ...boxes].map(({ id }) => id));
  for (const { id, holderId } of files) {
    if (!holderIds.has(holderId)) report("stored_file", id, `its deposit or transfer ${holderId} is missing`);
  }
}

/**
 * Each content that is whole lies beside the vault's file, with its length. What stands in it is proven when it is read.
 * @param sizeOf bytes on the disk
 */
export async function checkContents(
  files: readonly FileRow[],
  sizeOf: (id: string) => Promise<number | undefined>,
  report: Report,
): Promise<void> {
  for (const { id, state, size = 0 } of files) {
    if (state !== "ready" && state !== "quarantine") continue;
    const found = await sizeOf(id);
    if (found === undefined)
      report("stored_file", id, "its content is missing from the folder beside the vault's file");
    else if (found !== sealedLength(size))
      report("stored_file", id, "its content is cut, or something was added to it");
  }
}
