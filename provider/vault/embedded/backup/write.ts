import { createHash } from "node:crypto";
import { createReadStream, existsSync, rmSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { CoffreError } from "../../../core/errors.js";
import { syncFolder } from "../../sync-folder.js";
import { proofOf } from "../log.js";
import { systemCode } from "../native-error.js";
import type { Store } from "../store.js";
import { encryptLines } from "./age.js";
import type { BackupEnd } from "./format.js";
import { backupLines } from "./lines.js";
import { backupName, partName, removeOlder } from "./names.js";
import { makeFolder } from "../../../core/make-folder.js";

export interface BackupOptions {
  /** Absolute path of the folder; it is made, for this user only, if it is missing. */
  to: string;
  /** age recipients, one at least: whoever has the identity of one reads everything. */
  recipients: readonly string[];
  /** How many backups of this vault stay in the folder, the new one included. Default: all. */
  keep?: number;
}

/** A backup that was written, and read back as it was written. */
export interface BackupReport {
  /** Absolute path. */
  file: string;
  bytes: number;
  /** Of the file, hex: what was synced to the disk and read back. */
  sha256: string;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** Rows of each table. */
  rows: Record<string, number>;
  /** Number of the newest event that is in it. */
  events: number;
  /** The log's end: see `coffre vault check`. */
  head: string;
  /** The vault's public backup key. */
  signer: string;
  /** Names of older backups that made room. */
  removed: string[];
}

/**
 * Writes a backup of the snapshot that the store reads: into a file of another name in the same folder, synced, read back,
 * and only then given its name. Older ones are removed after that.
 * @throws CoffreError READ_ONLY, DISK_FULL, INVALID_INPUT, CORRUPT
 */
export async function writeBackup(store: Store, options: BackupOptions, takenAt: Date): Promise<BackupReport> {
  const { to, recipients, keep } = options;
  const vault = { id: store.meta.vaultId, name: store.meta.name };
  const name = backupName(vault, takenAt);
  const [part, file] = [join(to, partName(name)), join(to, name)];
  try {
    makeFolder(to);
    if (existsSync(file))
      throw new CoffreError("CONFLICT", `There is a backup ${file} already`, { hint: "Try again." });
    const written = await writePart(part, store, recipients, takenAt);
    await readBack(part, written.sha256);
    await rename(part, file);
    syncFolder(to);
    const removed = keep === undefined ? [] : removeOlder(to, vault, name, keep, takenAt);
    const { seq, mac } = store.meta.head;
    const { rows, signer } = written.end;
    const { bytes, sha256 } = written;
    const said = { file, bytes, sha256, takenAt: takenAt.toISOString(), rows, events: seq, head: proofOf(seq, mac) };
    return { ...said, signer, removed };
  } catch (error) {
    removePart(part);
    throw mapWriteError(to, error);
  }
}

function removePart(part: string): void {
  try {
    rmSync(part, { force: true });
  } catch {
    // It never was: what kept it from being made is what is reported.
  }
}

interface Written {
  bytes: number;
  sha256: string;
  end: BackupEnd;
}

async function writePart(part: string, store: Store, recipients: readonly string[], takenAt: Date): Promise<Written> {
  const lines = backupLines(store, takenAt);
  let end: BackupEnd | undefined;
  function* watched(): Iterable<string> {
    end = yield* lines;
  }
  const file = await open(part, "wx", 0o600);
  try {
    const { bytes, sha256 } = await writeAll(file, encryptLines(watched(), recipients));
    await file.sync();
    if (!end) throw new Error("the backup's lines have no end");
    return { bytes, sha256, end };
  } finally {
    await file.close();
  }
}

async function writeAll(
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  const digest = createHash("sha256");
  let bytes = 0;
  for await (const chunk of chunks) {
    digest.update(chunk);
    await file.writeFile(chunk); // at the file's position: whole, however often the system wants to be asked
    bytes += chunk.length;
  }
  return { bytes, sha256: digest.digest("hex") };
}

/** A disk that says it has written and hasn't would cost the backups that are removed now. */
async function readBack(path: string, sha256: string): Promise<void> {
  const digest = createHash("sha256");
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) digest.update(chunk);
  if (digest.digest("hex") === sha256) return;
  throw new CoffreError("CORRUPT", `The backup in ${path} doesn't read back as it was written`, {
    hint: "Its disk fails; no older backup was removed. Write to another one.",
  });
}

function mapWriteError(folder: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof CoffreError || code === undefined) return error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new CoffreError("DISK_FULL", `There is no space left for a backup in ${folder}`, {
      hint: "Make room and run it again; nothing was changed.",
      cause: error,
    });
  }
  return new CoffreError("READ_ONLY", `No backup can be written to ${folder} (${code})`, {
    hint: "Name a folder that this user may write.",
    cause: error,
  });
}
