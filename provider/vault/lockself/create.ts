import type { Clock } from "../../core/clock.js";
import { checkVaultName } from "../../core/name.js";
import { makeVault } from "../documents/make.js";
import { connect, type LockselfPlace } from "./lockself-vault.js";

/**
 * Makes an empty vault in a category of LockSelf, and that category where it isn't there yet. Nothing else ever does.
 * @returns its id and name
 * @throws CoffreError CONFLICT if there is one; INVALID_INPUT for the name; FORBIDDEN if the API user may make no category
 */
export async function createLockselfVault(
  options: LockselfPlace & { name: string; clock: Clock },
): Promise<{ id: string; name: string }> {
  const name = checkVaultName(options.name);
  const { http, kv, layout, store } = connect(options);
  try {
    return await makeVault({
      store,
      name,
      clock: options.clock,
      prepare: async () => {
        await layout.make();
      },
      hints: {
        exists: "A vault is never overwritten. Name another space in coffre:url.",
        half: "Somebody deleted the entry by hand. Name another space in coffre:url.",
      },
    });
  } finally {
    await kv.close();
    await http.close();
  }
}
