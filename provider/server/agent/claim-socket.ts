import { closeSync, openSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import { type SocketState, socketState } from "../../vault/agent/socket-file.js";
import { untilFree } from "../../vault/embedded/sqlite.js";

/** Bytes that a socket's path may have: sun_path of unix(7), with its closing zero; macOS has four less. */
const LONGEST_PATH = process.platform === "darwin" ? 103 : 107;
/** An agent looks and listens in some milliseconds. */
const LONGEST_WAIT_MS = 5_000;

/**
 * Listens on a path that is free, or on which a dead agent of this user left its socket; anything else is left alone. Of
 * several that begin at the same time one listens, and the others find it.
 * @param listen returns once somebody who knocks is answered
 * @throws CoffreError CONFLICT for a live agent, and for what is no socket; FORBIDDEN for another user's; INVALID_INPUT for a
 * path; LOCKED if another agent doesn't get done with its own beginning
 */
export async function claimSocket<T>(path: string, listen: () => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new CoffreError("INVALID_INPUT", `The socket's path is longer than ${LONGEST_PATH} bytes: ${path}`, {
      hint: "Name a shorter --socket.",
    });
  }
  const lock = await lockFolder(dirname(path));
  try {
    const state = await socketState(path);
    if (state === "stale") rmSync(path);
    else if (state !== "absent") throw refusal(path, state);
    return await listen();
  } finally {
    lock.close();
  }
}

/**
 * Between a look at a socket that nobody listens on and its removal another agent may begin there, so only one looks at a
 * time. Node has no locks of its own that end with their process; SQLite's do. The file stays, and is always empty.
 */
async function lockFolder(folder: string): Promise<DatabaseSync> {
  const file = join(folder, "agents.lock");
  closeSync(openSync(file, "a", 0o600)); // so that SQLite doesn't make it readable for others
  const lock = new DatabaseSync(file);
  try {
    await untilFree(LONGEST_WAIT_MS, () => lock.exec("BEGIN EXCLUSIVE"));
    return lock;
  } catch (error) {
    lock.close();
    if (!isCoffreError(error, "LOCKED")) throw error;
    throw new CoffreError(
      "LOCKED",
      `Another agent has been starting in ${folder} for ${LONGEST_WAIT_MS / 1000} seconds`,
      {
        hint: "Try again; if it stays so, look for an agent that hangs.",
        cause: error,
      },
    );
  }
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
