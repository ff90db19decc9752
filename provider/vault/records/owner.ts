import { CoffreError } from "../../core/errors.js";
import type { Owner, OwnerProof } from "../port.js";
import type { OwnerRow, Rows } from "./rows.js";

/** Computes a vault's keyed digests. */
export type Keyed = Rows["keyed"];

/** An owner as the vault keeps it: keyed digests, from which nobody learns project, stack or token. */
export function ownerRow(keyed: Keyed, owner: Owner): OwnerRow {
  return {
    mark: keyed("mark", owner.key),
    stack: keyed("stack", owner.stack),
    token: keyed("token", owner.token),
    ...(owner.part === undefined ? {} : { part: owner.part }),
  };
}

/** True if the token is the one that the row carries. */
export function carriesToken(keyed: Keyed, row: { owner?: OwnerRow }, token: string): boolean {
  return row.owner !== undefined && keyed("token", token) === row.owner.token;
}

/** @throws CoffreError CONFLICT unless the token is the row's own; no token at all is a person's */
export function checkOwner(keyed: Keyed, row: { owner?: OwnerRow }, proof: OwnerProof, what: string): void {
  if (proof.token === undefined || carriesToken(keyed, row, proof.token)) return;
  throw new CoffreError("CONFLICT", `${what} belongs to ${row.owner ? "another owner" : "no stack"}`, {
    hint: "Adopt it first, if it is to be yours.",
  });
}
