import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "./run.ts";
import type { Way } from "./way.ts";

/** What every host has. python3 is for Ansible; cracklib is what PAM looks up words in. */
const PACKAGES = [
  "openssh-server",
  "passwd",
  "libpam-modules",
  "libpam-runtime",
  "libpam-pwquality",
  "cracklib-runtime",
  "sudo",
  "python3",
];
/** Raise it when the base is made in another way. */
const FORMAT = 1;
const LEFT_OUT = ["doc", "man", "locale", "info"];
const PATIENCE_MS = 10 * 60_000;
const POLL_MS = 200;

/** Only of a machine of the Debian family: where it says from where packages come, and what its release is called. */
const SOURCES = [
  "/etc/apt/sources.list.d/debian.sources",
  "/etc/apt/sources.list.d/ubuntu.sources",
  "/etc/apt/sources.list",
];

/** Where the file system lies that all hosts with these further packages share and none changes. It is outside the checkout, since it outlives it. */
export function baseFolder(
  way: Exclude<Way, "stand-in">,
  env: NodeJS.ProcessEnv = process.env,
  more: readonly string[] = [],
): string {
  const cache = env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const identity = JSON.stringify([FORMAT, suite(), [...PACKAGES, ...more], LEFT_OUT]);
  const hash = createHash("sha256").update(identity).digest("hex").slice(0, 16);
  return join(cache, "coffre", "hosts", hash, way);
}

/**
 * Makes the base unless it is there; about half a minute, once.
 * @param more further Debian packages in it; none of their services is started
 * @throws Error with the last lines of what failed
 */
export async function ensureBase(
  way: Exclude<Way, "stand-in">,
  say: (line: string) => void,
  more: readonly string[] = [],
): Promise<string> {
  const folder = baseFolder(way, process.env, more);
  if (existsSync(folder)) return folder;
  await mkdir(join(folder, ".."), { recursive: true });
  await alone(`${folder}.lock`, folder, async () => {
    say("Making the test hosts' file system, once (about half a minute) ...");
    const temporary = `${folder}.${String(process.pid)}.new`;
    try {
      if (way === "root") await run("mmdebstrap", [...options(more), suite(), temporary, sources()]);
      else await makeInNamespace(temporary, more);
      await rename(temporary, folder);
    } catch (error) {
      await removeTree(way, temporary);
      throw error;
    }
  });
  return folder;
}

/** Also a tree whose files belong to subordinate ids. */
export async function removeTree(way: Way, folder: string): Promise<void> {
  if (way === "user-namespace" && existsSync(folder)) {
    await run("unshare", ["--user", "--map-auto", "--map-root-user", "rm", "-rf", folder]).catch(() => undefined);
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

function options(more: readonly string[]): string[] {
  const excluded = LEFT_OUT.map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  return ["--quiet", "--variant=essential", `--include=${[...PACKAGES, ...more].join(",")}`, ...excluded];
}

async function makeInNamespace(folder: string, more: readonly string[]): Promise<void> {
  const archive = `${folder}.tar`;
  try {
    await run("mmdebstrap", ["--mode=unshare", ...options(more), suite(), archive, sources()]);
    // Unpacked inside a namespace, so that the files belong to its root. Device nodes can't be made there.
    const unpack = 'mkdir "$1" && tar -C "$1" --exclude=./dev/* -xf "$2"';
    await run("unshare", ["--user", "--map-auto", "--map-root-user", "sh", "-c", unpack, "sh", folder, archive]);
  } finally {
    await rm(archive, { force: true });
  }
}

function sources(): string {
  const found = SOURCES.find((path) => existsSync(path));
  if (found === undefined) throw new Error("This machine has no apt sources: test hosts can't be made here.");
  return found;
}

function suite(): string {
  try {
    return /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "stable";
  } catch {
    return "none";
  }
}

/** One process makes it, the others wait; a lock whose process is gone counts no more. */
async function alone(lock: string, result: string, work: () => Promise<void>): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (!existsSync(result)) {
    const file = await open(lock, "wx").catch(() => undefined);
    if (file === undefined) {
      const owner = Number(await readFile(lock, "utf8").catch(() => "0"));
      if (owner > 0 && !existsSync(`/proc/${String(owner)}`)) await rm(lock, { force: true });
      if (Date.now() > until) throw new Error(`Another process has been making ${result} for too long; see ${lock}.`);
      await delay(POLL_MS);
      continue;
    }
    try {
      await file.write(String(process.pid));
      if (!existsSync(result)) await work();
    } finally {
      await file.close();
      await rm(lock, { force: true });
    }
  }
}
