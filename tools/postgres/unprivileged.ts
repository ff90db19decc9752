import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, chown, lstat, mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** The operating system's account that the server runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root, so root needs another account for it: the existing `postgres`, else `nobody`. No account
 * is ever created.
 *
 * @returns `undefined` where the current account can run it.
 */
export function unprivilegedAccount(passwd = "/etc/passwd"): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync(passwd, "utf8").split("\n");
  for (const wanted of ["postgres", "nobody"]) {
    const fields = lines.find((line) => line.startsWith(`${wanted}:`))?.split(":");
    if (fields) return { name: wanted, uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error(
    "PostgreSQL doesn't run as root, and there is neither a `postgres` nor a `nobody` account to run it as.",
  );
}

/** Whether an account can reach what lies in a folder, that is pass through it and everything above it. */
export async function canPass(folder: string, account: Account | undefined): Promise<boolean> {
  if (!account) return true;
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path).catch(() => undefined);
    if (found) {
      const bit = found.uid === account.uid ? 0o100 : found.gid === account.gid ? 0o010 : 0o001;
      if ((found.mode & bit) === 0) return false;
    }
    if (path === dirname(path)) return true;
  }
}

/** Makes a folder that only the account may enter. A folder that is already there must belong to it and be no link. */
export async function privateFolder(folder: string, account: Account | undefined): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  await mkdir(folder, { mode: 0o700 }).then(
    () => (account ? chown(folder, account.uid, account.gid) : undefined),
    async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    },
  );
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== (account?.uid ?? process.getuid?.() ?? found.uid))
    throw new Error(
      `${folder} is not a folder of the account that runs PostgreSQL. Remove it or choose another folder.`,
    );
  await chmod(folder, 0o700);
}

/** A stand-in for a folder that the account can't reach: the same one each time for the same folder. */
export function passableFolder(folder: string): string {
  const digest = createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 12);
  return join("/var/tmp", `coffre-${digest}`);
}
