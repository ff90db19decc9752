import { randomBytes } from "node:crypto";
import { linkSync, renameSync, rmSync } from "node:fs";
import { CoffreError } from "../../core/errors.js";
import { type SocketState, socketState } from "../../vault/agent/socket-file.js";

/** Bytes that a socket's path may have: sun_path of unix(7), with its closing zero; macOS has four less. */
const LONGEST_PATH = process.platform === "darwin" ? 103 : 107;

/**
 * Makes a path free for a new socket: what a dead agent of this user left there is removed, anything else is left alone.
 * @throws CoffreError CONFLICT for a live agent, and for what is no socket; FORBIDDEN for another user's; INVALID_INPUT
 */
export async function claimSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new CoffreError("INVALID_INPUT", `The socket's path is longer than ${LONGEST_PATH} bytes: ${path}`, {
      hint: "Name a shorter --socket.",
    });
  }
  const state = await socketState(path);
  if (state === "absent") return;
  if (state !== "stale") throw refusal(path, state);
  await removeStale(path);
}

/**
 * Removes a socket on which nobody listened a moment ago. Another agent may have begun since: what is there is taken aside,
 * and put back if it is alive.
 * @throws CoffreError CONFLICT for a live agent
 */
export async function removeStale(path: string): Promise<void> {
  const aside = `${path.slice(0, LONGEST_PATH - 7)}.${randomBytes(3).toString("hex")}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await socketState(aside)) === "live") {
    linkSync(aside, path);
    rmSync(aside);
    throw refusal(path, "live");
  }
  rmSync(aside);
}

function refusal(path: string, state: Exclude<SocketState, "absent" | "stale">): CoffreError {
  switch (state) {
    case "live":
      return new CoffreError("CONFLICT", `An agent listens on ${path} already`, {
        hint: `Use it (export COFFRE_AGENT=${path}), end it, or name another --socket.`,
      });
    case "open-to-others":
      return new CoffreError("CONFLICT", `The socket ${path} is open to others, as no agent makes one`, {
        hint: "Find out what listens there; remove it, or name another --socket.",
      });
    case "no-socket":
      return new CoffreError("CONFLICT", `${path} is no socket; it was left alone`, {
        hint: "Move it away, or name another --socket.",
      });
    case "foreign":
      return new CoffreError("FORBIDDEN", `${path} belongs to another user`, { hint: "Name another --socket." });
  }
}
