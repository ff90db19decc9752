import { lstatSync } from "node:fs";
import { connect } from "node:net";

/** What stands where an agent's socket is looked for. `stale`: a socket that nobody listens on, as a killed agent leaves it. */
export type SocketState = "absent" | "live" | "stale" | "no-socket" | "foreign" | "open-to-others";

/** A process that doesn't take a connection within this time is busy, not gone. */
const CONNECT_MS = 1_000;
const GROUP_AND_OTHERS = 0o077;

/** Looks at a path, and knocks there if it is a socket that only this user may open. Links aren't followed. */
export async function socketState(path: string): Promise<SocketState> {
  return lookAt(path) ?? knock(path);
}

/** What stands there, without knocking; `undefined` for a socket that only this user may open. Links aren't followed. */
export function lookAt(path: string): Exclude<SocketState, "live" | "stale"> | undefined {
  try {
    const facts = lstatSync(path);
    if (facts.uid !== process.getuid?.()) return "foreign";
    if (!facts.isSocket()) return "no-socket";
    return (facts.mode & GROUP_AND_OTHERS) === 0 ? undefined : "open-to-others";
  } catch (error) {
    // A folder that isn't ours to look into.
    return codeOf(error) === "EACCES" ? "foreign" : "absent";
  }
}

/** What a failed connection says of a socket; `undefined` for a failure that says nothing of it. */
export function stateByFailure(error: unknown): "absent" | "stale" | undefined {
  const code = codeOf(error);
  return code === "ECONNREFUSED" ? "stale" : code === "ENOENT" ? "absent" : undefined;
}

function knock(path: string): Promise<"absent" | "live" | "stale"> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const answer = (state: "absent" | "live" | "stale") => {
      socket.destroy();
      resolve(state);
    };
    socket.setTimeout(CONNECT_MS, () => answer("live"));
    socket.once("connect", () => answer("live"));
    socket.once("error", (error) => answer(stateByFailure(error) ?? "live"));
  });
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
