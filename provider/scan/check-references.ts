import { type CoffreError, isCoffreError } from "../core/errors.js";
import { PASSWORD_FIELD } from "../core/field.js";
import { formatReference, type Reference } from "../core/reference.js";
import type { Credential, Vault } from "../vault/port.js";

/** Why a reference has no value. */
export interface ReferenceProblem {
  code: CoffreError["code"];
  problem: string;
}

/** At once: each is one request where the vault is elsewhere. */
const AT_ONCE = 8;

/**
 * Looks whether references of this vault lead to a value that the caller may read; no value is read.
 * @returns a problem for each that doesn't, by its canonical text
 * @throws CoffreError what the vault throws beside NOT_FOUND, FORBIDDEN and CONFLICT
 */
export async function checkReferences(
  vault: Vault,
  references: readonly Reference[],
): Promise<Map<string, ReferenceProblem>> {
  const waiting = [...new Map(references.map((reference) => [formatReference(reference), reference]))];
  const problems = new Map<string, ReferenceProblem>();
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [text, reference] = next;
      const problem = await problemOf(vault, reference);
      if (problem) problems.set(text, problem);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return problems;
}

async function problemOf(vault: Vault, reference: Reference): Promise<ReferenceProblem | undefined> {
  try {
    const found =
      reference.by === "id" ? await vault.readCredential(reference.id) : await vault.findCredential(reference.path);
    const problem = found ? missingIn(found, reference) : nobodyAt(reference);
    return problem === undefined ? undefined : { code: "NOT_FOUND", problem };
  } catch (error) {
    if (!isCoffreError(error, "NOT_FOUND", "FORBIDDEN", "CONFLICT")) throw error;
    // What was asked for, not the id of what stands there.
    const isHidden = error.code === "FORBIDDEN" && reference.by === "path";
    const problem = isHidden ? `This user may not read credential ${pathOf(reference)}` : error.problem;
    return { code: error.code, problem };
  }
}

function nobodyAt(reference: Reference): string {
  return `There is no credential ${reference.by === "id" ? reference.id : pathOf(reference)}`;
}

function pathOf({ path }: Extract<Reference, { by: "path" }>): string {
  return JSON.stringify(path.join("/"));
}

/** What of the reference the credential doesn't have. */
function missingIn(credential: Credential, { field = PASSWORD_FIELD, version = "current" }: Reference) {
  const name = `${credential.path.join("/")} (${credential.id})`;
  const named = field === PASSWORD_FIELD ? credential : credential.fields.find((one) => one.name === field);
  if (!named) return `Credential ${name} has no field ${JSON.stringify(field)}`;
  const has = named.versions.some((one: { number: number; state: string; valueRemovedAt?: string }) => {
    const fits = typeof version === "number" ? one.number === version : one.state === version;
    return fits && one.valueRemovedAt === undefined;
  });
  if (has) return undefined;
  const what = field === PASSWORD_FIELD ? `Credential ${name}` : `The field ${field} of credential ${name}`;
  return `${what} has no ${typeof version === "number" ? `version ${String(version)}` : `${version} version`}`;
}
