import type { Vault } from "../port.js";
import type { SocketConnection } from "../socket-connection.js";
import { RemoteVault } from "../remote/remote-vault.js";
import type { AgentAnswer } from "./messages.js";

/** What stands for the agent in errors; nothing is looked up by it. */
const ORIGIN = "http://coffre-agent";

/**
 * The vault of an agent that has answered: the whole port, through its socket.
 * @param connection over which it answered, if it stays open; closed with the vault
 */
export function openAgentVault(
  socketPath: string,
  { capabilities }: AgentAnswer,
  connection?: SocketConnection,
): Vault {
  return new RemoteVault({ origin: ORIGIN, socketPath, capabilities, connection });
}
