import type { Clock } from "../core/clock.js";
import type { KdbxKey } from "../vault/keepass/content.js";
import { openKeepassVault } from "../vault/keepass/keepass-vault.js";
import { readKeyFile } from "../vault/keepass/open.js";
import { type ExchangeFile, pathText } from "./entry.js";
import { readEntries } from "./read-vault.js";

export type { KdbxKey } from "../vault/keepass/content.js";
export { readKeyFile };

/** A KeePass file as what an import takes, with all its history. @throws CoffreError as a vault in such a file */
export async function readKeepassFile(
  path: string,
  key: KdbxKey,
  who: { actor: string; clock: Clock },
): Promise<ExchangeFile> {
  const vault = openKeepassVault({ path, key: () => key, ...who });
  try {
    const { entries, categories, notes } = await readEntries(vault);
    return {
      entries: entries.map(({ entry }) => entry),
      categories: categories.flatMap(({ path: at, description }) =>
        description === undefined ? [] : [{ path: at, description }],
      ),
      notes: [...(await vault.notes()).map(({ path: at, ...note }) => ({ where: pathText(at), ...note })), ...notes],
      problems: [],
    };
  } finally {
    await vault.close();
  }
}
