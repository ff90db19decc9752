import { spawn } from "node:child_process";
import { once } from "node:events";

/** In the environment of everything that a run starts, with a name of its own: by it they are found. */
export const RUN_VARIABLE = "COFFRE_ANSIBLE_RUN";

/**
 * Waits until its standard input is closed: by this process when the run is over, or by the system when this process is gone.
 * Then it ends everything that carries the run's name, wherever it went: workers and connections that stay open leave their process
 * group and session, so that a group's end would miss them. SSH's own writes its title over its environment, and has the folder in it.
 * It looks again until nothing is left, then removes the folder.
 */
const GUARD = `read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
  found=$({ grep -lzxsF -- "$1" /proc/[0-9]*/environ; grep -ls -- "[s]sh: $2/" /proc/[0-9]*/cmdline; } | cut -d/ -f3)
  [ -n "$found" ] || break
  kill -KILL $found 2>/dev/null
done
rm -rf -- "$2"`;

/** Ends what a run has started and removes its folder, also when this process is killed. */
export class Guard {
  readonly #child: ReturnType<typeof start>;

  /** @param name the run's, random */
  constructor(name: string, folder: string) {
    this.#child = start(name, folder);
    this.#child.unref();
    // The pipe is a socket to Node; it must not keep this process alive either.
    (this.#child.stdin as { unref?: () => void }).unref?.();
  }

  /** @returns once nothing of the run is left */
  async end(): Promise<void> {
    const { exitCode, signalCode, stdin } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    this.#child.ref();
    const ended = once(this.#child, "exit");
    stdin.end();
    await ended;
  }
}

function start(name: string, folder: string) {
  const child = spawn("/bin/sh", ["-c", GUARD, "sh", `${RUN_VARIABLE}=${name}`, folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
  });
  child.on("error", () => {}); // no shell: what then stays is in the temporary folder
  child.stdin.on("error", () => {});
  return child;
}
