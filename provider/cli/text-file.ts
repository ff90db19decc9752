import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { systemCode } from "../config/system-error.js";
import { CoffreError } from "../core/errors.js";

const LARGEST_BYTES = 16 * 1024 * 1024;

/** A file that a person named, as text. @throws CoffreError INVALID_INPUT that names it: missing, a folder, too large, not UTF-8 */
export function readTextFile(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(path));
  } catch (error) {
    const code = systemCode(error);
    const problem = code === "ENOENT" ? "doesn't exist" : code === "EISDIR" ? "is a folder" : `can't be read (${code})`;
    throw new CoffreError("INVALID_INPUT", `The file ${path} ${problem}`, { hint: "Check its path and its owner." });
  }
  if (bytes.length > LARGEST_BYTES) {
    throw new CoffreError("INVALID_INPUT", `The file ${path} is larger than ${String(LARGEST_BYTES)} bytes`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CoffreError("INVALID_INPUT", `The file ${path} isn't UTF-8 text`);
  }
}
