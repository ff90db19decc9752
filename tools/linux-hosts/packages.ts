import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

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
  const install = ["install", "-qq", "-y", "--no-install-recommends", ...names];
  if ((await aptGet(install)).exitCode === 0) return;
  await aptGet(["update", "-qq"]); // what the machine knows of packages may be old, or nothing
  const { exitCode, said } = await aptGet(install);
  if (exitCode !== 0) throw new Error(`apt-get install ${names.join(" ")} ended with ${String(exitCode)}:\n${said}`);
}

function aptGet(args: readonly string[]): Promise<{ exitCode: number; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("apt-get", args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)));
    child.on("error", reject);
    child.on("close", (code) => resolve({ exitCode: code ?? 1, said }));
  });
}
