import { createHash, randomBytes } from "node:crypto";
import { access, constants, type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { makeFolder } from "../core/make-folder.js";
import { systemCode } from "../config/system-error.js";
import { CoffreError } from "../core/errors.js";

const NOTHING_LEFT = "Nothing is left of it.";

/**
 * Whether a file can be put there, before anything is read that is to stand in it: its folder is one that this user may
 * write, and what is there already is a file.
 * @throws CoffreError READ_ONLY; it names the path
 */
export async function checkWritable(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  // A device or a pipe would be replaced by a file, not written to.
  if (there && !there.isFile()) throw notWritable(path, there.isDirectory() ? "is a folder" : "is no ordinary file");
  const code = await access(dirname(path), constants.W_OK | constants.X_OK).then(() => undefined, systemCode);
  if (code === "ENOENT") throw notWritable(path, `can't be written: its folder isn't there`);
  if (code !== undefined) throw notWritable(path, `can't be written (${code})`);
}

function notWritable(path: string, problem: string): CoffreError {
  return new CoffreError("READ_ONLY", `The file ${path} ${problem}`, { hint: NOTHING_LEFT });
}

/**
 * Makes the folder of a file that is to be written, mode 0700, and those above it that are missing.
 * @throws CoffreError READ_ONLY; it names the file's path
 */
export function makeFolderOf(path: string): void {
  try {
    makeFolder(dirname(path));
  } catch (error) {
    throw notWritable(path, `can't be written (${systemCode(error)})`);
  }
}

/**
 * Writes a file as a whole, or not at all: under another name first, mode 0600 whatever was there before, then renamed.
 * @throws CoffreError READ_ONLY, DISK_FULL; they name the path
 */
export async function writePrivateFile(path: string, bytes: Uint8Array): Promise<void> {
  await writeWhole(path, (file) => file.writeFile(bytes));
}

/** What a content must be once all of it was written. */
export interface ExpectedContent {
  /** Bytes. */
  size: number;
  /** Hex. */
  sha256: string;
}

/**
 * The same of a content that comes in parts, in constant memory; nothing stands at the path unless it is the content that was
 * expected. @param progress is told how many bytes were written
 * @throws CoffreError CORRUPT if it is another; what the content throws; as {@link writePrivateFile}
 */
export async function writePrivateContent(
  path: string,
  content: AsyncIterable<Uint8Array>,
  expected: ExpectedContent,
  progress: (written: number) => void,
): Promise<void> {
  await writeWhole(path, async (file) => {
    const hash = createHash("sha256");
    let written = 0;
    for await (const bytes of content) {
      await file.writeFile(bytes); // goes on where the last one ended
      hash.update(bytes);
      written += bytes.length;
      progress(written);
    }
    if (written === expected.size && hash.digest("hex") === expected.sha256) return;
    throw new CoffreError("CORRUPT", `What came for ${path} isn't what was deposited`, {
      hint: "Nothing is left of it. Try again; if it happens again, look at the vault with `coffre vault check`.",
    });
  });
}

async function writeWhole(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  await checkWritable(path);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof CoffreError) throw error;
    const code = systemCode(error);
    if (code !== "ENOSPC" && code !== "EDQUOT") throw notWritable(path, `can't be written (${code})`);
    throw new CoffreError("DISK_FULL", `The file ${path} can't be written (${code})`, { hint: NOTHING_LEFT });
  }
}
