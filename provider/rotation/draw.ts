import { PRINTABLE_ASCII, onlyCharacters } from "../core/alphabet.js";
import { generatePassword } from "../core/generate.js";
import { type MergedPolicy, mergePolicies } from "../core/policy.js";
import type { Secret } from "../core/secret.js";
import type { Credential, Vault } from "../vault/port.js";
import type { Target } from "./targets.js";

/**
 * A new password for the credential: by the policies of its category and those above, with characters that every target
 * accepts. @throws CoffreError POLICY if there is none
 */
export async function drawValue(
  vault: Vault,
  credential: Pick<Credential, "categoryId">,
  targets: readonly Pick<Target, "spec">[],
): Promise<Secret> {
  return generatePassword(await policyFor(vault, credential.categoryId), acceptedByAll(targets));
}

/** The policies that hold in a category, merged; none at the root. @throws CoffreError NOT_FOUND */
export async function policyFor(vault: Vault, categoryId: string | null): Promise<MergedPolicy> {
  return mergePolicies(categoryId === null ? [] : (await vault.readCategory(categoryId)).policies);
}

/** The characters that every target accepts; all of printable ASCII without targets. */
export function acceptedByAll(targets: readonly Pick<Target, "spec">[]): string {
  const sets = new Set(targets.map(({ spec }) => spec.acceptedCharacters));
  return [...sets].reduce(
    (accepted, each) => (each === accepted ? accepted : onlyCharacters(accepted, each)),
    PRINTABLE_ASCII,
  );
}
