import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError, hasCode } from "./errors.ts";

const HEARTBEAT_MS = 10_000;
const STALE_MS = 60_000; // of an owner on another machine; one on this machine is asked for directly
const POLL_MS = 250;
const PATIENCE_MS = 40 * 60_000;

/**
 * Does `work` while no other process does it. The lock only saves work: what `work` makes appears by one rename, so two at
 * once, after a machine froze for a minute, would still end well.
 *
 * @param onWait called once if another process is at it.
 * @throws EngineError BUSY after `patienceMs`.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait: (owner: string) => void = () => {},
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const until = Date.now() + patienceMs;
  for (let waiting = false; !(await take(path)); waiting = true) {
    const owner = await readFile(path, "utf8").catch(() => "");
    if (await isStale(path, owner)) {
      await rm(path, { force: true });
      continue;
    }
    if (!waiting) onWait(owner.trim());
    if (Date.now() > until) {
      const minutes = String(Math.round(patienceMs / 60_000));
      throw new EngineError(
        "BUSY",
        `Another setup (${owner.trim()}) has been getting the engine for over ${minutes} minutes.`,
        `If none is running, delete ${path} and try again.`,
      );
    }
    await delay(POLL_MS);
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.write(`process ${String(process.pid)} on ${hostname()}\n`);
    await file.close();
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

async function isStale(path: string, owner: string): Promise<boolean> {
  const [, pid, host] = /^process (\d+) on (.*)\n$/.exec(owner) ?? [];
  if (host === hostname()) return !isAlive(Number(pid));
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM"); // alive, and another user's
  }
}
