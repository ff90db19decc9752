import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { run } from "../linux-hosts/run.ts";

/** A program, and the Debian package that brings it. */
export interface PackagedProgram {
  program: string;
  name: string;
}

/** Where Debian puts programs for administrators, which the PATH of others may lack. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/sbin"];
/** Debian asks this file whether a package may start its service. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Where a program is; `undefined` if it isn't installed. */
export function findProgram(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [...(env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** True if packages can be installed here. */
export function canInstall(env: NodeJS.ProcessEnv = process.env): boolean {
  return process.platform === "linux" && process.getuid?.() === 0 && findProgram("apt-get", env) !== undefined;
}

/** The packages of programs that aren't here. */
export function missingAmong(programs: readonly PackagedProgram[], env: NodeJS.ProcessEnv = process.env): string[] {
  return programs.filter(({ program }) => findProgram(program, env) === undefined).map(({ name }) => name);
}

/** Installs them by apt-get, and starts none of their services. @throws Error with the last lines of what failed */
export async function installPackages(names: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = () => run("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...names], env);
  const forbids = !existsSync(POLICY);
  if (forbids) await writeFile(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await install().catch(async () => {
      // What the machine knows of packages may be old, or nothing.
      await run("apt-get", ["update", "-qq"], env).catch(() => undefined);
      await install();
    });
  } finally {
    if (forbids) await rm(POLICY, { force: true });
  }
}
