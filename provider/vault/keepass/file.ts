import { randomBytes } from "node:crypto";
import { open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import { systemCode } from "../embedded/native-error.js";
import { syncFolder } from "../sync-folder.js";
import { damaged, LARGEST_BYTES } from "./container.js";
import { withLock } from "./lock.js";

/** Equal as long as nobody has saved the file. */
export type FileStamp = string;

/** @throws CoffreError VAULT_MISSING, FORBIDDEN, CORRUPT */
export async function readKdbxFile(path: string): Promise<{ bytes: Buffer; stamp: FileStamp }> {
  try {
    for (;;) {
      const before = await stampOf(path);
      if (Number(before.split(" ")[0]) > LARGEST_BYTES) throw damaged(path, `is larger than ${LARGEST_BYTES} bytes`);
      const bytes = await readFile(path);
      // One that was replaced meanwhile is read again: what was read must be what the stamp says.
      if (before === (await stampOf(path))) return { bytes, stamp: before };
    }
  } catch (error) {
    throw mapFileError(path, error);
  }
}

/** @throws CoffreError VAULT_MISSING, FORBIDDEN */
export async function stampOf(path: string): Promise<FileStamp> {
  try {
    const { size, ino, mtimeNs } = await stat(path, { bigint: true });
    return `${size} ${ino} ${mtimeNs}`;
  } catch (error) {
    throw mapFileError(path, error);
  }
}

/**
 * Replaces a file under its lock: what is there is loaded afresh, what `change` makes of it goes to a file of another name
 * (mode 0600), is synced, and is renamed; the folder is synced too. If somebody has saved the file meanwhile all of it is
 * done again. `protocol.md` section 7.
 * @param change told the bytes that are there, if there is a file
 * @throws CoffreError LOCKED while it is open elsewhere; READ_ONLY, DISK_FULL; what `change` throws
 */
export async function replaceKdbxFile(
  wanted: string,
  change: (before: Buffer | undefined) => Promise<Uint8Array>,
): Promise<void> {
  const path = await realpath(wanted).catch(() => wanted); // a link stays a link
  await withLock(path, async () => {
    for (;;) {
      const before = await orMissing(readKdbxFile(path));
      const bytes = await change(before?.bytes);
      const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
      try {
        await writeSynced(temporary, bytes);
        if ((await orMissing(stampOf(path))) !== before?.stamp) continue;
        await rename(temporary, path);
        syncFolder(dirname(path));
        return;
      } finally {
        await rm(temporary, { force: true });
      }
    }
  }).catch((error: unknown) => {
    throw mapWriteError(path, error);
  });
}

async function orMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isCoffreError(error, "VAULT_MISSING")) return undefined;
    throw error;
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(bytes);
  await file.sync();
}

function mapFileError(path: string, error: unknown): unknown {
  if (error instanceof CoffreError) return error;
  const code = systemCode(error) ?? "unknown reason";
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new CoffreError("VAULT_MISSING", `There is no KeePass file at ${path}`, {
      hint: "Check the path.",
      cause: error,
    });
  }
  if (code === "EISDIR") return damaged(path, "is a folder");
  return new CoffreError("FORBIDDEN", `The KeePass file ${path} can't be read by this user (${code})`, {
    cause: error,
  });
}

function mapWriteError(path: string, error: unknown): unknown {
  if (error instanceof CoffreError) return error;
  const code = systemCode(error) ?? "unknown reason";
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new CoffreError(isFull ? "DISK_FULL" : "READ_ONLY", `The KeePass file ${path} can't be written (${code})`, {
    hint: "What was there before is unchanged.",
    cause: error,
  });
}
