import { CoffreError } from "../core/errors.js";

/**
 * The text of a file that people's programs wrote: UTF-8 or UTF-16, with its byte order mark taken away.
 * @throws CoffreError INVALID_INPUT, without a part of it
 */
export function decodeText(bytes: Uint8Array, what: string): string {
  const isWide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const encoding = !isWide ? "utf-8" : bytes[0] === 0xff ? "utf-16le" : "utf-16be";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new CoffreError("INVALID_INPUT", `The file ${what} isn't text in UTF-8`, {
      hint: "Save it anew as UTF-8; a spreadsheet calls it CSV UTF-8. Nothing was changed.",
    });
  }
}

/** True for a cell that a spreadsheet takes for a formula, which can send other cells away. OWASP, CSV injection. */
export function isFormula(cell: string): boolean {
  return /^[=+\-@\t\r]/.test(cell);
}

/** What is said of such a cell. */
export const FORMULA_RISK =
  "it begins as a formula does: open the file in no spreadsheet, or let it import every column as text";
