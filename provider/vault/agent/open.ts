import type { Vault } from "../port.js";
import { RemoteVault } from "../remote/remote-vault.js";
import type { AgentAnswer } from "./messages.js";

/** What stands for the agent in errors; nothing is looked up by it. */
const ORIGIN = "http://coffre-agent";

/** The vault of an agent that has answered: the whole port, through its socket. */
export function openAgentVault(socketPath: string, { capabilities }: AgentAnswer): Vault {
  return new RemoteVault({ origin: ORIGIN, socketPath, capabilities });
}
