import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Who holds a lease, written so that another process of the same machine can tell whether the holder still lives:
 * a lease of the dead is taken over at once instead of after its expiry. Form: `machine/pid/start/random`.
 */

/** A holder text for this process. Each call gives another one, so that two rotations of one process are two holders. */
export function newHolder(): string {
  ownStart ??= startOf(process.pid);
  return holderText(process.pid, ownStart);
}

/** The same for another process of this machine. */
export function holderOf(pid: number): string {
  return holderText(pid, startOf(pid));
}

/** A process starts once. */
let ownStart: string | undefined;

function holderText(pid: number, start = "unknown"): string {
  return [machine(), pid, start, randomBytes(6).toString("hex")].join("/");
}

/**
 * True only if it is certain that the holder's process has ended: same machine, same boot, same process namespace, and
 * no process with this id and start time. Anything else is answered with false: its lease has to run out.
 */
export function isDead(holder: string): boolean {
  const [itsMachine, pidText, itsStart] = holder.split("/");
  const pid = Number(pidText);
  if (itsMachine !== machine() || !Number.isInteger(pid) || pid <= 0) return false;
  if (!exists(pid)) return true;
  const start = startOf(pid);
  return start !== undefined && itsStart !== "unknown" && start !== itsStart;
}

/** True only if it is certain that the holder's process still runs: here, in the same boot and process namespace. */
export function isAlive(holder: string): boolean {
  const [itsMachine, pidText, itsStart] = holder.split("/");
  const pid = Number(pidText);
  if (itsMachine !== machine() || !Number.isInteger(pid) || pid <= 0 || !exists(pid)) return false;
  return (startOf(pid) ?? "unknown") === itsStart;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, under another user.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

let machineText: string | undefined;

/** Host name, boot and process namespace: process ids of another container or an earlier boot say nothing. */
function machine(): string {
  machineText ??= [hostname(), read("/proc/sys/kernel/random/boot_id"), link("/proc/self/ns/pid")]
    .map((part) => part.replaceAll(/[^\w.-]/g, ""))
    .join("+");
  return machineText;
}

/** Start time in clock ticks since boot, field 22 of proc_pid_stat(5); a zombie has ended for our purpose. */
function startOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "zombie" : fields[19];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
