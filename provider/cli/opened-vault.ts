import type { Configuration } from "../config/index.js";
import { agentVault } from "../vault/agent-vault.js";
import type { Vault } from "../vault/port.js";
import type { Seen } from "../witness/seen.js";
import { Witness } from "../witness/witness.js";

/** A vault that a command has opened. */
export interface OpenedVault {
  vault: Vault;
  /** The vault's own. */
  name: string;
  witness: Witness;
  /** What was seen of it before and isn't in it any more. */
  lost: Seen | undefined;
  /** Whether an agent answers for it. */
  throughAgent: boolean;
}

/**
 * The vault through the agent that is named, if that stands for it; `undefined` otherwise.
 * @param folder the user's state folder. @throws CoffreError as the agent's checks do
 */
export async function openThroughAgent(found: Configuration, folder: string): Promise<OpenedVault | undefined> {
  const vault = await agentVault(found);
  return vault && { ...(await withWitness(vault, folder)), throughAgent: true };
}

/** Compares a vault with what was seen of it. It is closed if that fails. @throws CoffreError what opening the vault throws */
export async function withWitness(vault: Vault, folder: string): Promise<OpenedVault> {
  const witness = new Witness({ vault, folder });
  try {
    const identity = await vault.identity();
    return { vault, name: identity.name, witness, lost: await witness.lost(identity), throughAgent: false };
  } catch (error) {
    await vault.close();
    throw error;
  }
}
