import { CoffreError } from "../core/errors.js";
import { DIGEST_LENGTH } from "../core/value-digest.js";
import type { VersionInfo } from "./port.js";

/** The most digests of one {@link ValueQuery}. */
export const MOST_DIGESTS = 1_000_000;

/** Texts of which somebody wants to know whether they are values of the vault, as digests of `core/value-digest`. */
export interface ValueQuery {
  /** Drawn for this query or for some that belong together, base64url. */
  key: string;
  /** One after the other without anything between, {@link MOST_DIGESTS} at most. */
  digests: string;
}

/** A version of a credential whose value, or a form in which programs write it, has one of the digests. */
export interface FoundValue {
  digest: string;
  credentialId: string;
  path: string[];
  field: string;
  version: number;
  /** Of the version: an earlier one may still work somewhere. */
  state: VersionInfo["state"];
  /** Set of a credential that was taken out of the tree. */
  archived?: true;
}

/** Looks whether a query is whole. @returns how many digests it has. @throws CoffreError INVALID_INPUT also for more than {@link MOST_DIGESTS} */
export function countDigests({ digests }: ValueQuery): number {
  if (digests.length % DIGEST_LENGTH === 0 && digests.length <= MOST_DIGESTS * DIGEST_LENGTH) {
    return digests.length / DIGEST_LENGTH;
  }
  throw new CoffreError("INVALID_INPUT", "The digests aren't whole, or are too many", {
    hint: `Each has ${String(DIGEST_LENGTH)} characters, and one query takes ${String(MOST_DIGESTS)}.`,
  });
}

/** What to say where a vault lacks `findValues`. */
export function comparesNothing(): CoffreError {
  return new CoffreError("NOT_SUPPORTED", "This vault can't say whether a text is one of its values", {
    hint: "A vault in a file or behind `coffre serve` can, without handing values out. Its references are checked by `coffre scan --only references`.",
  });
}
