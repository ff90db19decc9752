import { accessSync, constants, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isRecord, isText } from "../core/guards.js";
import { makeFolder } from "../core/make-folder.js";

/** How far a vault had come when it was seen last. No secret: nobody learns from it what the vault holds. */
export interface Seen {
  restoreCounter: number;
  /** The proof of its newest event, as `coffre vault check` prints it. */
  head: string;
  /** ISO 8601, UTC. */
  at: string;
}

const HEAD = /^\d{1,15}:[0-9a-f]{32}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The file about one vault. */
export function seenPath(folder: string, vaultId: string): string {
  return join(folder, "seen", `${vaultId.replaceAll(/[^\w-]/g, "_")}.json`);
}

/** @returns `undefined` if there is no such file, or none that can be read: a witness that is gone says nothing */
export function readSeen(folder: string, vaultId: string): Seen | undefined {
  try {
    return seenOf(JSON.parse(readFileSync(seenPath(folder, vaultId), "utf8")));
  } catch {
    return undefined;
  }
}

function seenOf(value: unknown): Seen | undefined {
  if (!isRecord(value)) return undefined;
  const { restoreCounter, head, at } = value;
  const isWhole = Number.isSafeInteger(restoreCounter) && isText(head) && HEAD.test(head);
  if (!isWhole || !isText(at) || !INSTANT.test(at) || Number.isNaN(Date.parse(at))) return undefined;
  return { restoreCounter: Number(restoreCounter), head, at };
}

/** Replaces the file as a whole, mode 0600. @throws what the file system says */
export function writeSeen(folder: string, vaultId: string, seen: Seen): void {
  const path = seenPath(folder, vaultId);
  makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}-${process.hrtime.bigint()}.tmp`; // nobody else's, now and after
  try {
    writeFileSync(temporary, `${JSON.stringify(seen)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** True the first time that it is asked for this name, and always where that can't be remembered. */
export function isFirstTime(folder: string, name: string): boolean {
  const path = join(folder, "seen", name.replaceAll(/[^\w.-]/g, "_"));
  if (existsSync(path)) return false;
  try {
    makeFolder(dirname(path));
    writeFileSync(path, "", { mode: 0o600 });
  } catch {
    // No folder, no memory.
  }
  return true;
}

/** True if files can be written in the folder, or in the nearest one above it that exists. */
export function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return !existsSync(folder) && folder !== dirname(folder) && isWritable(dirname(folder));
  }
}
