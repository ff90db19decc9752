import { chmod, lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const LOOK_MS = 200;
/** Looking may take one part in so many of the time: a folder of very many files isn't looked at as often. */
const SHARE = 5;
/** What any file or folder counts at least: a million empty ones fill a disk as well. */
const LEAST_BYTES = 4096;
const BLOCK_BYTES = 512; // of st_blocks, whatever the file system's are
const READABLE = 0o500;

/** A folder that is looked at while a program writes to it. */
export interface FolderLimit {
  /** Aborted once the folder has more than it may, or can't be looked at. */
  signal: AbortSignal;
  /** Why it was: the end of a sentence about the program. */
  problem: () => string | undefined;
  /** Ends the looking. */
  stop(): Promise<void>;
}

/** Looks at a folder several times a second, until `stop`. @param mostBytes what all in it may take on the disk */
export function limitFolder(folder: string, mostBytes: number): FolderLimit {
  const over = new AbortController();
  const ending = new AbortController();
  let problem: string | undefined;
  const end = (why: string): void => {
    problem = why;
    over.abort();
  };
  const look = async (): Promise<void> => {
    let wait = LOOK_MS;
    while (!ending.signal.aborted && problem === undefined) {
      await pause(wait, undefined, { signal: ending.signal }).catch(() => undefined);
      const start = performance.now();
      try {
        if (await isLarger(folder, mostBytes, ending.signal)) end(`wrote more than ${mostBytes} bytes`);
      } catch (error) {
        const { code = "unknown reason" } = error as NodeJS.ErrnoException; // what the file system throws
        end(`wrote what can't be measured (${code})`);
      }
      wait = Math.max(LOOK_MS, (performance.now() - start) * (SHARE - 1));
    }
  };
  const looking = look();
  return {
    signal: over.signal,
    problem: () => problem,
    stop() {
      ending.abort();
      return looking;
    },
  };
}

/** Whether what is in a folder takes more on the disk; no more of it is looked at than that needs. */
async function isLarger(folder: string, mostBytes: number, signal: AbortSignal): Promise<boolean> {
  let bytes = 0;
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for await (const { name } of (await unlessGone(opendir(next))) ?? []) {
      if (signal.aborted) return false;
      const path = join(next, name);
      const facts = await unlessGone(lstat(path));
      if (facts?.isDirectory()) {
        // An archive may say that a folder of its own can't be read: nothing is hidden in it so.
        if ((facts.mode & READABLE) !== READABLE) await unlessGone(chmod(path, facts.mode | READABLE));
        folders.push(path);
      }
      bytes += Math.max((facts?.blocks ?? 0) * BLOCK_BYTES, LEAST_BYTES);
      if (bytes > mostBytes) return true;
    }
  }
  return false;
}

/** What a program takes away while it is looked at is no failure. */
function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  return asked.catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException; // what the file system throws
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    return undefined;
  });
}
