import { open, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { isDead, newHolder } from "../../rotation/holder.js";
import { systemCode } from "../embedded/native-error.js";

const OURS = "coffre ";

/**
 * Does `work` while nobody else writes the file: `<file>.lock`, which KeePass 2 makes as well. One that a dead Coffre left
 * is taken away; anybody else's is respected, KeePassXC's `.<file>.lock` too.
 * @throws CoffreError LOCKED that says by which file; what making the lock throws
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const foreign = join(dirname(path), `.${basename(path)}.lock`);
  if ((await contentOf(foreign)) !== undefined) throw locked(path, foreign);
  await take(path, lock);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(path: string, lock: string, again = true): Promise<void> {
  try {
    await using file = await open(lock, "wx", 0o600);
    await file.writeFile(`${OURS}${newHolder()}\n`);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
    const content = (await contentOf(lock)) ?? "";
    const isLeft = content.startsWith(OURS) && isDead(content.slice(OURS.length).trim());
    if (!isLeft || !again) throw locked(path, lock);
    await rm(lock, { force: true });
    await take(path, lock, false);
  }
}

/** `undefined` if there is no such file. */
async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    return ""; // it is there, and not to be read by this user
  }
}

function locked(path: string, lock: string): CoffreError {
  return new CoffreError("LOCKED", `The KeePass file ${path} is open in another program`, {
    hint: `Close it there. If it is open nowhere, that program has left ${lock}: remove it, and run this again.`,
  });
}
