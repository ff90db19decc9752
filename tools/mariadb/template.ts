import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "../linux-hosts/run.ts";
import type { Binaries } from "./binaries.ts";

/** Raise it when the template is made in another way. */
const FORMAT = 1;
/** As small as it may be: a test writes little, and every server has a copy. */
export const REDO_LOG = "--innodb-log-file-size=4M";

/**
 * An empty data folder of this MariaDB, made once (about two seconds) and kept outside the checkout: a server starts on a copy of it.
 * @throws Error with the last lines of what failed
 */
export async function dataTemplate({ server, installDb }: Binaries): Promise<string> {
  const { size, mtimeMs } = await stat(server); // another version, another file
  const identity = JSON.stringify([FORMAT, server, size, mtimeMs, REDO_LOG]);
  const hash = createHash("sha256").update(identity).digest("hex").slice(0, 16);
  const folder = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "coffre", "mariadb", hash);
  if (existsSync(folder)) return folder;
  const temporary = `${folder}.${String(process.pid)}.new`;
  await mkdir(join(folder, ".."), { recursive: true });
  try {
    await run(installDb, [
      "--no-defaults",
      ...asRoot(),
      `--datadir=${temporary}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      REDO_LOG,
    ]);
    // Two processes may make it at once; the second finds it there.
    await rename(temporary, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** MariaDB runs as root only if it is told so. */
export function asRoot(): string[] {
  return process.getuid?.() === 0 ? ["--user=root"] : [];
}
