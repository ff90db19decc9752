import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./run.ts";

/** Which Debian package brings a program that making hosts needs, or logging in to them as people do. */
const PROGRAMS = [
  { program: "mmdebstrap", name: "mmdebstrap" },
  { program: "ssh", name: "openssh-client" },
] as const;

/** Packages that {@link installPackages} would install here: none where they are there, or can't be installed. */
export function missingPackages(env: NodeJS.ProcessEnv = process.env): string[] {
  const found = (program: string) =>
    (env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
  const missing = PROGRAMS.filter(({ program }) => !found(program)).map(({ name }) => name);
  const canInstall = process.platform === "linux" && process.getuid?.() === 0 && found("apt-get");
  // Without namespaces no host can be made, with or without these.
  return canInstall && spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status === 0 ? missing : [];
}

/** Installs them by apt-get, none of which starts a service. @throws Error with the last lines of what failed */
export async function installPackages(names: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = () => run("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...names], env);
  try {
    await install();
  } catch {
    // What the machine knows of packages may be old, or nothing.
    await run("apt-get", ["update", "-qq"], env).catch(() => undefined);
    await install();
  }
}
