import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemCode } from "../config/system-error.js";
import { CoffreError } from "../core/errors.js";

/**
 * Writes a file as a whole, or not at all: under another name first, mode 0600 whatever was there before, then renamed.
 * @throws CoffreError READ_ONLY, DISK_FULL; they name the path
 */
export async function writePrivateFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    const code = systemCode(error);
    const problem = code === "EISDIR" ? "is a folder" : `can't be written (${code})`;
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    throw new CoffreError(isFull ? "DISK_FULL" : "READ_ONLY", `The file ${path} ${problem}`, {
      hint: "Nothing is left of it.",
    });
  }
}
