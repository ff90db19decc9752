import { CoffreError } from "./errors.js";
import type { Secret } from "./secret.js";

/** No read-back, no set (`protocol.md` 2). @throws CoffreError BAD_RESPONSE */
export function refuseOtherValue(readBack: Secret, staged: Secret): void {
  if (readBack.reveal() === staged.reveal()) return;
  throw new CoffreError("BAD_RESPONSE", "The vault did not read back the value that was staged", {
    hint: "Nothing was set. Check the vault (`coffre vault check`) before you run again.",
  });
}
