import type { Configuration } from "../config/index.js";
import type { Vault } from "./port.js";

/**
 * The vault through the agent that `COFFRE_AGENT` names, if that stands for the configured vault or none is configured.
 * @throws CoffreError CONFIGURATION, FORBIDDEN, UNREACHABLE, BAD_RESPONSE: an agent that was named is never passed over
 * because it doesn't answer
 */
export async function agentVault({ agent, url }: Configuration): Promise<Vault | undefined> {
  if (agent === undefined) return undefined;
  const [{ askAgent }, { SocketConnection }, { openAgentVault }] = await Promise.all([
    import("./agent/ask.js"),
    import("./socket-connection.js"),
    import("./agent/open.js"),
  ]);
  // One for all: what has said that it is an agent is what hears everything else.
  const connection = new SocketConnection(agent);
  try {
    const about = await askAgent(agent, connection);
    if (url === undefined || url.href === about.url) return openAgentVault(agent, about, connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
  await connection.close();
  return undefined;
}
