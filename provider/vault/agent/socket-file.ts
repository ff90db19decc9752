import { lstat } from "node:fs/promises";
import { connect } from "node:net";

/** What stands where an agent's socket is looked for. `stale`: a socket that nobody listens on, as a killed agent leaves it. */
export type SocketState = "absent" | "live" | "stale" | "no-socket" | "foreign" | "open-to-others";

/** A process that doesn't take a connection within this time is busy, not gone. */
const CONNECT_MS = 1_000;
const GROUP_AND_OTHERS = 0o077;

/** Looks at a path, and knocks there if it is a socket that only this user may open. Links aren't followed. */
export async function socketState(path: string): Promise<SocketState> {
  try {
    const facts = await lstat(path);
    if (facts.uid !== process.getuid?.()) return "foreign";
    if (!facts.isSocket()) return "no-socket";
    if ((facts.mode & GROUP_AND_OTHERS) !== 0) return "open-to-others";
  } catch (error) {
    // A folder that isn't ours to look into.
    if (codeOf(error) === "EACCES") return "foreign";
    return "absent";
  }
  return knock(path);
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
    socket.once("error", (error) => {
      const code = codeOf(error);
      answer(code === "ECONNREFUSED" ? "stale" : code === "ENOENT" ? "absent" : "live");
    });
  });
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
