import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../core/clock.js";
import { AGENT_ROUTE, type AgentAnswer } from "../../vault/agent/messages.js";
import type { Vault } from "../../vault/port.js";
import { type CoffreServer, createApp, type Front, type ServerContext } from "../app.js";
import type { Principal, Rights } from "../principal.js";
import { preparePrivateFolder } from "../private-folder.js";
import { SOCKET_FOLDER } from "./agent-socket.js";
import { answerLines } from "./ask-lines.js";
import { claimSocket } from "./claim-socket.js";

/** Nothing but its user's own processes can ask it: it counts no requests. */
const NO_LIMIT = Number.POSITIVE_INFINITY;
/** Larger than what a vault takes at once: an agent refuses nothing that its vault would take. */
const LARGEST_REQUEST = 256 * 1024 * 1024;
const OTHERS = 0o077;

export interface AgentOptions {
  /** The vault of record: every request is answered by it, nothing is kept. The caller closes it. */
  vault: Vault;
  /** Its URL, canonical. */
  url: string;
  /** Whose agent this is: `ana@runner-3`. */
  user: string;
  clock: Clock;
  /** Absolute path of the socket. */
  socket: string;
  /** The languages that it speaks, besides what it says of itself. */
  fronts: readonly Front[];
  /** Told of what went wrong in the agent itself. */
  complain?: (error: unknown) => void;
}

/**
 * Starts an agent: the server's own routes on a unix socket that only this user may open. Who can open it has all rights
 * that the agent's session has.
 * @throws CoffreError CONFIGURATION, CONFLICT, FORBIDDEN, INVALID_INPUT, LOCKED for the socket's place
 */
export async function startAgent(options: AgentOptions): Promise<CoffreServer> {
  const { vault, url, user, clock, socket, fronts, complain } = options;
  preparePrivateFolder(dirname(socket), SOCKET_FOLDER);
  const principal: Principal = { id: "agent", name: user, role: "administrator", tokenId: "agent" };
  const caller = { principal, rights: allRights(principal), vault };
  const context: ServerContext = {
    vault,
    clock,
    note: async () => undefined, // it does nothing that the vault isn't asked to do
    call: async () => caller,
    tokenId: () => principal.tokenId,
  };
  const about: AgentAnswer = { url, capabilities: vault.capabilities, pid: process.pid };
  const server = await createApp({
    context,
    fronts: [(app) => void app.get(AGENT_ROUTE, async () => about), ...fronts],
    limits: { requestsPerMinute: NO_LIMIT, largestRequest: LARGEST_REQUEST },
    ...(complain ? { complain } : {}),
  });
  answerLines(server, { caller, longest: LARGEST_REQUEST, ...(complain ? { complain } : {}) });
  try {
    await claimSocket(socket, () => listenAlone(server, socket));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** On a socket that is nobody else's from its first instant on. */
async function listenAlone(server: CoffreServer, socket: string): Promise<void> {
  const mask = process.umask(OTHERS);
  try {
    await server.listen({ path: socket });
  } finally {
    process.umask(mask);
  }
  chmodSync(socket, 0o600); // the mask leaves the bit to execute
}

function allRights(principal: Principal): Rights {
  const yes = () => true;
  return {
    principal,
    mayRead: yes,
    mayWrite: yes,
    mayManage: yes,
    maySee: yes,
    mayManagePeople: true,
    mayChangeUser: yes,
    isAdministrator: true,
    strongest: "manager",
  };
}
