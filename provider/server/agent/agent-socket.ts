import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { ownUid } from "../private-folder.js";

/** What the folder of an agent's socket is for. */
export const SOCKET_FOLDER = {
  purpose: "for the agent's socket",
  hint: "Set XDG_RUNTIME_DIR to a folder that only you may open, or name a --socket in one.",
};

/**
 * Where an agent of this user has its socket: below `$XDG_RUNTIME_DIR`, else in a folder of the user's below the temporary one.
 * @param pid of an agent that is for one command, beside which there may be others
 */
export function agentSocket(env: Readonly<Record<string, string | undefined>>, pid?: number): string {
  const named = env["XDG_RUNTIME_DIR"];
  const folder =
    named !== undefined && isAbsolute(named)
      ? join(named, "coffre")
      : join(tmpdir(), `coffre-${ownUid(SOCKET_FOLDER)}`);
  return join(folder, pid === undefined ? "agent.sock" : `agent-${pid}.sock`);
}
