import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { CoffreError } from "../../core/errors.js";
import { isAlive, isDead, newHolder } from "../../rotation/holder.js";
import { ownUid, preparePrivateFolder } from "../private-folder.js";

/** What the folder of scans is for. */
const SCAN_FOLDER = {
  purpose: "for files that are scanned",
  hint: "Set the server's TMPDIR to a folder that nobody else may write to.",
};

/** How much longer than its program a scan may take: whoever is killed with it takes a moment to end. */
const MARGIN_MS = 60_000;

export interface ScanFoldersOptions {
  vaultId: string;
  /** Seconds that a program has for one file, here and on the other servers of this vault. */
  seconds: number;
  /** Told of what couldn't be removed. */
  complain: (error: unknown) => void;
}

/**
 * Where the scanner's programs write, in the clear: a folder for each file, in one of this server, in one of the vault that
 * only this user may open. It has the same name at each start, so that what a killed server left is found and removed.
 */
export class ScanFolders {
  readonly #parent: string;
  readonly #folder: string;
  readonly #staleMs: number;
  readonly #complain: (error: unknown) => void;

  private constructor(parent: string, { seconds, complain }: ScanFoldersOptions) {
    this.#parent = parent;
    this.#folder = join(parent, Buffer.from(newHolder()).toString("base64url"));
    this.#staleMs = seconds * 1000 + MARGIN_MS;
    this.#complain = complain;
  }

  /** Removes what servers of this vault left that don't run any more. @throws CoffreError CONFIGURATION for a folder that others may open, or that can't be listed */
  static async open(options: ScanFoldersOptions): Promise<ScanFolders> {
    const parent = join(tmpdir(), `coffre-scan-${ownUid(SCAN_FOLDER)}-${options.vaultId}`);
    const folders = new ScanFolders(parent, options);
    await folders.#prepare();
    return folders;
  }

  /** @returns a new folder, for one file. @throws CoffreError CONFIGURATION as {@link ScanFolders.open} does, or if it can't be made */
  async make(): Promise<string> {
    // Each time: a system may tidy up among its temporary files, and what was too young to be removed has grown older.
    await this.#prepare();
    return mkdtemp(join(this.#folder, "file-")).catch((cause: unknown) => {
      throw notMade(this.#folder, cause);
    });
  }

  async #prepare(): Promise<void> {
    preparePrivateFolder(this.#parent, SCAN_FOLDER);
    preparePrivateFolder(this.#folder, SCAN_FOLDER);
    const names = await readdir(this.#parent).catch((cause: unknown) => {
      throw notListed(this.#parent, cause);
    });
    for (const name of names) {
      const folder = join(this.#parent, name);
      if (folder !== this.#folder && (await this.#isLeft(folder, holderIn(name)))) {
        await removeFolder(folder, this.#complain);
      }
    }
  }

  /**
   * Whether nobody scans there any more. Of another machine, boot or container nobody knows who still runs: but each of its scans
   * begins with a new folder in this one, and has ended by now if the last began longer ago than a scan may last.
   */
  async #isLeft(folder: string, holder: string): Promise<boolean> {
    if (isAlive(holder)) return false;
    if (isDead(holder)) return true;
    const facts = await stat(folder).catch(() => undefined); // gone by now
    return facts !== undefined && Date.now() - facts.mtimeMs > this.#staleMs;
  }

  /** Removes the folder of a file, with all that is in it; complains where it can't. */
  remove(folder: string): Promise<void> {
    return removeFolder(folder, this.#complain);
  }

  /** Removes all of this server's. */
  close(): Promise<void> {
    return removeFolder(this.#folder, this.#complain);
  }
}

function holderIn(name: string): string {
  return Buffer.from(name, "base64url").toString();
}

/** Programs of every system. An unpacked folder that its owner may not write to can't be emptied before that is changed. */
const FORCED = 'chmod -R u+rwX -- "$0"; rm -rf -- "$0"';

/** Never throws: a scanner's finding counts whatever became of its folder. */
async function removeFolder(folder: string, complain: (error: unknown) => void): Promise<void> {
  try {
    // A process of a program that was killed may just be ending: hence the tries.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  } catch (cause) {
    const { failed } = await execa("/bin/sh", ["-c", FORCED, folder], {
      reject: false,
      stdio: "ignore",
      verbose: "none",
    });
    if (failed) complain(stayed(folder, cause));
  }
}

function notMade(folder: string, cause: unknown): CoffreError {
  const { code = "unknown reason" } = cause as NodeJS.ErrnoException; // what the file system throws
  return new CoffreError("CONFIGURATION", `No folder for a file that is scanned can be made in ${folder} (${code})`, {
    hint: "Make room there, or set the server's TMPDIR to another folder. The file stays in quarantine and is tried again.",
    cause,
  });
}

function notListed(folder: string, cause: unknown): CoffreError {
  const { code = "unknown reason" } = cause as NodeJS.ErrnoException; // what the file system throws
  return new CoffreError("CONFIGURATION", `What servers have left can't be looked for in ${folder} (${code})`, {
    hint: "Give the folder to the server's user with mode 0700, or set the server's TMPDIR to another folder.",
    cause,
  });
}

function stayed(folder: string, cause: unknown): CoffreError {
  const { code = "unknown reason" } = cause as NodeJS.ErrnoException; // what the file system throws
  return new CoffreError("CONFIGURATION", `What a scanner left in ${folder} can't be removed (${code})`, {
    hint: "Remove it: a file may stand there in the clear.",
    cause,
  });
}
