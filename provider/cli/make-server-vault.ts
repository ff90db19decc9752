import type { LockselfUrl, ServerUrl } from "../config/index.js";
import type { CommandContext } from "./context.js";

/** Makes an empty vault on a server, by the login that is configured. @throws CoffreError CONFLICT if there is one */
export async function makeServerVault(
  context: CommandContext,
  url: ServerUrl | LockselfUrl,
  name: string,
): Promise<{ id: string; name: string }> {
  const configuration = context.configuration();
  const { clock } = context;
  const { lockselfPlace, serverPlace } = await import("../vault/open.js");
  if ("space" in url) {
    const { createLockselfVault } = await import("../vault/lockself/create.js");
    return createLockselfVault({ ...lockselfPlace(url, configuration), name, clock });
  }
  const { createHashicorpVault } = await import("../vault/hashicorp/create.js");
  return createHashicorpVault({ ...serverPlace(url, configuration), name, clock });
}
