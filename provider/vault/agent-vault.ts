import type { Configuration } from "../config/index.js";
import type { Vault } from "./port.js";

/**
 * The vault through the agent that `COFFRE_AGENT` names, if that stands for the configured vault or none is configured.
 * @throws CoffreError CONFIGURATION, FORBIDDEN, UNREACHABLE, BAD_RESPONSE: an agent that was named is never passed over
 * because it doesn't answer
 */
export async function agentVault({ agent, url }: Configuration): Promise<Vault | undefined> {
  if (agent === undefined) return undefined;
  const { askAgent } = await import("./agent/ask.js");
  const about = await askAgent(agent);
  if (url !== undefined && url.href !== about.url) return undefined;
  const { openAgentVault } = await import("./agent/open.js");
  return openAgentVault(agent, about);
}
