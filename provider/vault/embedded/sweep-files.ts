import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "./native-error.js";

const CONTENT = /^(fi_[A-Za-z0-9]+)(\.left)?$/;
const ASIDE = ".left";
const KEPT_MS = 7 * 86_400_000;

/**
 * Takes away contents whose file is no more: what a kill left behind. Each is set aside under another name first, and goes a
 * week later, since an older copy of the vault's file that somebody put in its place knows fewer files: those that are known
 * again get their name back. What isn't a content of ours is left alone.
 * @param known ids of files, asked after the folder was listed: a file is known before its content is made
 */
export async function sweepFiles(folder: string, known: () => Promise<ReadonlySet<string>>, now: Date): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  const ids = await known();
  for (const name of names) {
    const [, id, aside] = CONTENT.exec(name) ?? [];
    if (id === undefined) continue;
    const path = join(folder, name);
    if (ids.has(id)) {
      if (aside !== undefined) await rename(path, join(folder, id));
    } else if (aside === undefined) {
      await rename(path, path + ASIDE);
      await utimes(path + ASIDE, now, now); // since when it is aside
    } else if (now.getTime() - (await stat(path)).mtimeMs >= KEPT_MS) {
      await rm(path, { force: true });
    }
  }
}
