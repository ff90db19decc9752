import type { Clock } from "../../core/clock.js";
import { checkVaultName } from "../../core/name.js";
import { makeVault } from "../documents/make.js";
import { connect, type HashicorpPlace } from "./hashicorp-vault.js";

/**
 * Makes an empty vault in a mount that is there. Nothing else ever does.
 * @returns its id and name
 * @throws CoffreError CONFLICT if there is one; INVALID_INPUT for the name; what the server's state means
 */
export async function createHashicorpVault(
  options: HashicorpPlace & { name: string; clock: Clock },
): Promise<{ id: string; name: string }> {
  const name = checkVaultName(options.name);
  const { server, kv, store } = connect(options);
  try {
    return await makeVault({
      store,
      name,
      clock: options.clock,
      prepare: () => kv.checkEngine(),
      hints: {
        exists: "A vault is never overwritten. Name another mount, or another root in coffre:url.",
        half: "Bring its newest version back (`kv undelete`), or name another root.",
      },
    });
  } finally {
    await server.close();
  }
}
