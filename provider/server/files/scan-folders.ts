import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { CoffreError } from "../../core/errors.js";
import { isAlive, newHolder } from "../../rotation/holder.js";
import { ownUid, preparePrivateFolder } from "../private-folder.js";

/** What the folder of scans is for. */
const SCAN_FOLDER = {
  purpose: "for files that are scanned",
  hint: "Set the server's TMPDIR to a folder that nobody else may write to.",
};

/**
 * Where the scanner's programs write, in the clear: a folder for each file, in one of this server, in one of the vault that
 * only this user may open. It has the same name at each start, so that what a killed server left is found and removed.
 */
export class ScanFolders {
  readonly #parent: string;
  readonly #folder: string;
  readonly #complain: (error: unknown) => void;

  private constructor(parent: string, complain: (error: unknown) => void) {
    this.#parent = parent;
    this.#folder = join(parent, Buffer.from(newHolder()).toString("base64url"));
    this.#complain = complain;
  }

  /**
   * Removes what servers of this vault left that don't run any more.
   * @param complain told of what couldn't be removed. @throws CoffreError CONFIGURATION for a folder that others may open
   */
  static async open(vaultId: string, complain: (error: unknown) => void): Promise<ScanFolders> {
    const parent = join(tmpdir(), `coffre-scan-${ownUid(SCAN_FOLDER)}-${vaultId}`);
    preparePrivateFolder(parent, SCAN_FOLDER);
    for (const name of await readdir(parent)) {
      // Of another machine, or another boot, nobody knows: better one file is scanned again than one stays in the clear.
      if (!isAlive(holderIn(name))) await removeFolder(join(parent, name), complain);
    }
    const folders = new ScanFolders(parent, complain);
    await folders.#prepare();
    return folders;
  }

  /** @returns a new folder, for one file. @throws CoffreError CONFIGURATION as {@link ScanFolders.open} does */
  async make(): Promise<string> {
    try {
      return await mkdtemp(join(this.#folder, "file-"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      // A system may tidy up among its temporary files, and so does a server of this vault on another machine.
      await this.#prepare();
      return mkdtemp(join(this.#folder, "file-"));
    }
  }

  async #prepare(): Promise<void> {
    preparePrivateFolder(this.#parent, SCAN_FOLDER);
    await mkdir(this.#folder, { mode: 0o700, recursive: true });
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

function stayed(folder: string, cause: unknown): CoffreError {
  const { code = "unknown reason" } = cause as NodeJS.ErrnoException; // what the file system throws
  return new CoffreError("CONFIGURATION", `What a scanner left in ${folder} can't be removed (${code})`, {
    hint: "Remove it: a file may stand there in the clear.",
    cause,
  });
}
