import { CoffreError } from "../core/errors.js";
import type { ValueRequest } from "../vault/port.js";
import type { RotationContext } from "./context.js";

/** One value, fresh from the vault. @throws what the vault answers */
export async function readValue({ vault }: Pick<RotationContext, "vault">, request: ValueRequest) {
  const [answer] = await vault.readMany([request]);
  if (answer === undefined) throw new CoffreError("BAD_RESPONSE", "The vault answered no value");
  if (answer instanceof Error) throw answer;
  return answer;
}
