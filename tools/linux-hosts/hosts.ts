// Real Linux machines for tests, benches, crash runs and the quickstart: OpenSSH, accounts and PAM of their own, each at an
// address of its own on loopback. A host starts in well under a tenth of a second, on one file system that all share.
//
//   const hosts = await startHosts({ count: 2, users: [{ name: "admin", sudo: "free", password: "…" }] });
//   const [first] = hosts.all;
//   first.address, first.port, first.hostKey        // "127.83.12.9", 22022, "ssh-ed25519 AAAA…"
//   await first.must("id deploy");                   // as root inside, not over SSH
//   await first.refusedLogins({ user: "deploy" });   // from sshd's own log
//   first.pause(); first.resume(); await first.kill(); await first.start(); await first.recreate({ users });
//   await hosts.stop();                              // also without it all ends with this process, even when it is killed
//
// A host that is to go on when the process ends, such as the quickstart's: `await keepHost({ folder, address, users })`; the
// same call finds it again, running or not; `remove()` ends it. `findWay()` says how hosts are made here: as root, by user
// namespaces, or not at all. Then there is only `stand-in.ts`, an SSH server without a system behind it.
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBase, removeTree } from "./base.ts";
import { type HostOptions, LinuxHost } from "./host.ts";
import { findWay, type Way } from "./way.ts";

export type { HostPam, HostUser } from "./disk.ts";
export { type HostOptions, LinuxHost, type Ran } from "./host.ts";
export { findWay, type FoundWay, type Way } from "./way.ts";

const DEFAULT_PORT = 22_022;

export interface HostsOptions extends HostOptions {
  /** Default 1. */
  count?: number;
  /** Further Debian packages on each, by name; one that brings a service doesn't start it. */
  packages?: readonly string[];
  /** Told what a person should know, for example that the file system is made first. */
  say?: (line: string) => void;
}

/** Starts hosts that end with this process. @throws Error where no real ones can be made */
export async function startHosts({
  count = 1,
  packages = [],
  say = () => {},
  ...options
}: HostsOptions = {}): Promise<LinuxHosts> {
  const way = realWay();
  const base = await ensureBase(way, say, packages);
  const folder = await mkdtemp(join(tmpdir(), "coffre-hosts-"));
  const hosts = new LinuxHosts(way, base, folder);
  try {
    await Promise.all(Array.from({ length: count }, () => hosts.add(options)));
  } catch (error) {
    await hosts.stop();
    throw error;
  }
  return hosts;
}

/** Starts the host of this folder, or finds it, running or stopped, with the disk that it has. */
export async function keepHost({
  folder,
  say = () => {},
  ...options
}: HostOptions & { folder: string; address: string; say?: (line: string) => void }): Promise<LinuxHost> {
  const way = realWay();
  const base = await ensureBase(way, say);
  const { port = DEFAULT_PORT, name = "host" } = options;
  const host = new LinuxHost({ ...options, port, name, way, base, folder, kept: true });
  await host.open();
  return host;
}

/** Hosts of one test. Made by {@link startHosts}. */
export class LinuxHosts {
  readonly way: Way;
  readonly all: LinuxHost[] = [];
  readonly #base: string;
  readonly #folder: string;
  readonly #guard: ReturnType<typeof guardFolder>;

  constructor(way: Exclude<Way, "stand-in">, base: string, folder: string) {
    this.way = way;
    this.#base = base;
    this.#folder = folder;
    this.#guard = guardFolder(way, folder);
  }

  /** The first one. */
  get host(): LinuxHost {
    const [first] = this.all;
    if (!first) throw new Error("There is no host.");
    return first;
  }

  /** One more. */
  async add(options: HostOptions = {}): Promise<LinuxHost> {
    const number = this.all.length + 1;
    const { address = randomAddress(), port = DEFAULT_PORT, name = `host${String(number)}` } = options;
    const way = this.way as Exclude<Way, "stand-in">; // what the constructor was given
    const folder = join(this.#folder, `${String(number)}-${address}`);
    const host = new LinuxHost({ ...options, address, port, name, way, base: this.#base, folder, kept: false });
    this.all.push(host);
    await host.open();
    return host;
  }

  /** Ends all and leaves nothing behind. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((host) => host.kill()));
    await removeTree(this.way, this.#folder);
    this.#guard();
  }
}

function realWay(): Exclude<Way, "stand-in"> {
  const { way, because } = findWay();
  if (way !== "stand-in") return way;
  throw new Error(`Real test hosts can't be made here: ${because}.`);
}

/** One of 127.64.0.0/10. Two hosts are very unlikely to meet; sshd would say so. */
export function randomAddress(): string {
  return ["127", 64 + randomInt(64), randomInt(256), 1 + randomInt(254)].join(".");
}

/** The processes end with this one by themselves; a shell at the other end of a pipe then removes what they leave. */
function guardFolder(way: Way, folder: string): () => void {
  const enter = way === "root" ? "" : "unshare --user --map-auto --map-root-user ";
  const script = `read -r _; sleep 0.3; ${enter}rm -rf "$1"`;
  const guard = spawn("/bin/sh", ["-c", script, "sh", folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  guard.unref();
  // The pipe is a socket to Node; it must not keep this process alive either.
  (guard.stdin as { unref?: () => void }).unref?.();
  return () => guard.stdin.end();
}
