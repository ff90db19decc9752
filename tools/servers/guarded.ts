import { type ChildProcess, spawn } from "node:child_process";
import type { FileHandle } from "node:fs/promises";
import { createServer } from "node:net";

// A shell holds our end of a pipe, and when that closes it stops the server and removes the folder, as the process that is
// gone would have done.
const GUARD =
  'how=$1; shift; exec 3<&0; "$@" </dev/null & server=$!; { read -r _ <&3; : >orphaned; kill -$how $server; } & wait $server; ' +
  'if [ -e orphaned ]; then folder=$PWD; cd /; rm -rf "$folder"; else kill $!; fi 2>/dev/null';

export interface GuardedServer {
  /** The program and its arguments. */
  command: readonly string[];
  /** Where it runs, and what is removed when its owner is gone. */
  folder: string;
  /** Takes what it says. */
  log: FileHandle;
  /** How it is stopped then: QUIT, KILL. */
  signal: string;
  /** The account that it runs as, where that is another. */
  identity?: { uid?: number; gid?: number };
}

/** Starts a server that ends with this process, even if that is killed, and takes its folder with it. */
export function spawnGuarded({ command, folder, log, signal, identity = {} }: GuardedServer): ChildProcess {
  const child = spawnServer(["/bin/sh", "-c", GUARD, "sh", signal, ...command], {
    folder,
    log,
    identity,
    stdin: "pipe",
  });
  // The pipe is a socket to Node; it must not keep this process alive either.
  (child.stdin as { unref?: () => void } | null)?.unref?.();
  return child;
}

/** Starts a server in a session of its own: a Ctrl-C for us is none for it. */
export function spawnServer(
  [file = "", ...args]: readonly string[],
  { folder, log, identity, stdin }: Pick<GuardedServer, "folder" | "log" | "identity"> & { stdin: "ignore" | "pipe" },
): ChildProcess {
  const child = spawn(file, args, {
    ...identity,
    cwd: folder,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    detached: true,
    stdio: [stdin, log.fd, log.fd],
  });
  child.unref();
  return child;
}

/** A port of loopback that nothing listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Sends a signal to a process that may have just ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, and another account's
  }
}
