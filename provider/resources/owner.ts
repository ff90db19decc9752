import { randomBytes } from "node:crypto";
import type { Owner } from "../vault/port.js";

const TOKEN_BYTES = 15; // 120 bits, 20 characters

/** A new token that proves, from a resource's state, that the state speaks of this very entry. */
export function newOwnerToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** What an update of an entry says of whose it is. */
export interface Ownership {
  /** For the state. */
  token: string;
  /** What the state knew of the entry before. */
  proof: { token?: string };
  /** The mark, where the entry hasn't this resource's yet. */
  claim: { owner?: Owner };
}

/** @param isMarked asks the vault whether the entry carries this resource's mark */
export async function ownershipOf(
  { stack }: { stack: string },
  before: { ownerToken?: string | undefined },
  key: string,
  isMarked: () => Promise<boolean>,
): Promise<Ownership> {
  const { ownerToken } = before;
  const token = ownerToken ?? newOwnerToken();
  if (ownerToken === undefined) return { token, proof: {}, claim: { owner: { key, stack, token } } };
  return { token, proof: { token }, claim: (await isMarked()) ? {} : { owner: { key, stack, token } } };
}
