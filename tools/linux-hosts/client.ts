import { execFileSync, spawn } from "node:child_process";
import { chmod, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Reads the password from a pipe, so that it is in no argument, no environment and no file. */
const ASKPASS = `#!/bin/sh
IFS= read -r answer <"$0.pipe" && printf '%s\\n' "$answer"
`;

export interface ClientLogin {
  address: string;
  port: number;
  /** As `known_hosts` has it, without the name. */
  hostKey: string;
  username: string;
  password: string;
}

/** Logs in by OpenSSH's own client, with the password alone. @returns false if it is refused. @throws Error for anything else */
export async function opensshLogsIn({ address, port, hostKey, username, password }: ClientLogin): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "coffre-ssh-"));
  const [askpass, knownHosts] = [join(folder, "askpass"), join(folder, "known_hosts")];
  await writeFile(askpass, ASKPASS);
  await chmod(askpass, 0o700);
  await writeFile(knownHosts, `[${address}]:${String(port)} ${hostKey}\n`);
  execFileSync("mkfifo", ["-m", "600", `${askpass}.pipe`]);
  const pipe = await open(`${askpass}.pipe`, "r+"); // both ends, so that it waits for no reader
  try {
    await pipe.write(`${password}\n`);
    const options = [
      `UserKnownHostsFile=${knownHosts}`,
      "StrictHostKeyChecking=yes",
      "PreferredAuthentications=password,keyboard-interactive",
      "NumberOfPasswordPrompts=1",
      "PubkeyAuthentication=no",
      "IdentityAgent=none",
      "LogLevel=ERROR",
      "ConnectTimeout=10",
    ];
    const args = [
      "-F",
      "none",
      "-p",
      String(port),
      "-l",
      username,
      ...options.flatMap((option) => ["-o", option]),
      address,
      "true",
    ];
    const env = { PATH: process.env["PATH"] ?? "", SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force", DISPLAY: ":0" };
    const { exitCode, stderr } = await run(args, env);
    if (exitCode !== 255) return true; // whatever the command was allowed to do, the login was
    if (/Permission denied/.test(stderr)) return false;
    throw new Error(`ssh to ${username}@${address} failed: ${stderr.trim()}`);
  } finally {
    await pipe.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function run(args: readonly string[], env: Record<string, string>): Promise<{ exitCode: number; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", args, { env, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ exitCode: code ?? 255, stderr }));
  });
}
