import { CoffreError } from "../core/errors.js";
import { isCredentialId } from "../core/id.js";
import { parseReference, type Reference } from "../core/reference.js";
import { resolveReference } from "../rotation/resolve-reference.js";
import type { Credential, Vault } from "../vault/port.js";

/**
 * Reads what a person typed: a whole reference, or, in the configured vault, a path (`Databases/orders-app`) or an id;
 * all with `?version=…` if they like. Names with special characters are percent-encoded, as in a reference.
 * @throws CoffreError INVALID_INPUT
 */
export async function parseTyped(vault: Vault, text: string): Promise<Reference> {
  if (text.includes("://")) return parseReference(text);
  const { name } = await vault.identity();
  const id = text.split("?")[0] ?? "";
  return parseReference(`coffre://${name}/${isCredentialId(id) ? "id/" : ""}${text.replace(/^\/+/, "")}`);
}

/** The credential that a person named. @throws CoffreError INVALID_INPUT, NOT_FOUND, CONFLICT, WRONG_VAULT */
export async function findCredential(vault: Vault, text: string): Promise<Credential> {
  const reference = await parseTyped(vault, text);
  refuseVersion(reference, text);
  return resolveReference(vault, reference);
}

/** Where all versions are meant. @throws CoffreError INVALID_INPUT for a reference that names one */
export function refuseVersion({ version }: Reference, text: string): void {
  if (version === undefined) return;
  throw new CoffreError("INVALID_INPUT", "This is about a credential with all its versions, and ?version=… names one", {
    hint: `Leave it out. \`coffre read '${text}'\` prints that version's value.`,
  });
}

/** The same for several, each once, in the order given. @throws CoffreError for the first that can't be found */
export async function findCredentials(vault: Vault, texts: readonly string[]): Promise<Credential[]> {
  const found = new Map<string, Credential>();
  for (const text of texts) {
    const credential = await findCredential(vault, text);
    found.set(credential.id, credential);
  }
  return [...found.values()];
}

/** A whole number of 1 or more from an option. @throws CoffreError INVALID_INPUT that names the option and what it takes */
export function parseCount(option: string, value: unknown, { least = 1, most = Infinity } = {}): number {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (number >= least && number <= most) return number;
  const range = most === Infinity ? `of ${least} or more` : `from ${least} to ${most.toLocaleString("en")}`;
  throw new CoffreError("INVALID_INPUT", `${option} takes a whole number ${range}`);
}
