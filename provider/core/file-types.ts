import { CoffreError } from "./errors.js";

/** Text has no mark of its own by which one kind could be told from another. */
const ANY_TEXT = "txt";

/**
 * Types that no file is found to be by its content: a box that takes nothing else would take nothing at all.
 * @param types as a box's `fileTypes`
 * @throws CoffreError INVALID_INPUT that names the first
 */
export async function refuseUnknownTypes(types: readonly string[]): Promise<void> {
  const { supportedExtensions } = await import("file-type"); // large, and only for who names types
  const unknown = types.find((type) => type !== ANY_TEXT && !supportedExtensions.has(type as never));
  if (unknown === undefined) return;
  throw new CoffreError("INVALID_INPUT", `fileTypes has ${unknown}, which no file is found to be by its content`, {
    hint: "`txt` stands for every text, such as CSV, JSON or PEM; `jpg` for JPEG, `cfb` for Office's documents before 2007.",
    details: { field: "fileTypes" },
  });
}
