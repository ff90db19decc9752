import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import { hasPassed, parseInstant } from "../../core/instant.js";
import { checkName } from "../../core/name.js";
import type { OwnerProof, Principal, PrincipalInput, PrincipalKind, PrincipalPatch } from "../port.js";
import { logEvent, type VaultContext } from "./context.js";
import { removeGrant } from "./grants.js";
import { removeMembership } from "./memberships.js";
import { checkOwner, type Keyed, ownerRow } from "./owner.js";
import { changedFields, patched } from "./patch.js";
import type { PrincipalRow } from "./people-rows.js";
import type { ReadRows, WriteRows } from "./rows.js";

const ID_PREFIX = { user: "us_", group: "gp_" } as const;

/** The rules of `People.createPrincipal`. */
export function createPrincipal(tx: WriteRows, context: VaultContext, keyed: Keyed, input: PrincipalInput): Principal {
  const { kind, displayName, email, expiresAt, owner } = input;
  const row: PrincipalRow = {
    id: newId(ID_PREFIX[kind]),
    kind,
    name: checkName(kind, input.name),
    ...(displayName === undefined ? {} : { displayName }),
    ...(email === undefined ? {} : { email }),
    ...(expiresAt === undefined ? {} : { expiresAt: futureInstant(context, expiresAt) }),
    ...(owner === undefined ? {} : { owner: ownerRow(keyed, owner) }),
  };
  checkPrincipal(tx, row);
  tx.people.putPrincipal(row);
  logEvent(tx, context, `${kind}.created`, [row.id], { detail: row.name });
  return viewPrincipal(row);
}

/** The rules of `People.updatePrincipal`. */
export function updatePrincipal(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  patch: PrincipalPatch,
): Principal {
  const before = requirePrincipal(tx, id);
  checkOwner(keyed, before, patch, principalText(before));
  const row = patched(before, patch, ["name", "displayName", "email", "expiresAt"]);
  if (patch.name !== undefined) row.name = checkName(row.kind, patch.name);
  if (typeof patch.expiresAt === "string") row.expiresAt = parseInstant("expiresAt", patch.expiresAt);
  if (patch.owner !== undefined) row.owner = ownerRow(keyed, patch.owner);
  const changes = changedFields(before, row);
  if (changes.length === 0) return viewPrincipal(before);
  checkPrincipal(tx, row);
  tx.people.putPrincipal(row);
  logEvent(tx, context, `${row.kind}.updated`, [id], { detail: changes.join(", ") });
  return viewPrincipal(row);
}

/** The rules of `People.deletePrincipal`: each membership and grant that goes along is an event of its own. */
export function deletePrincipal(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  proof: OwnerProof,
): void {
  const { people } = tx;
  const row = people.principal(id);
  if (!row) return;
  checkOwner(keyed, row, proof, principalText(row));
  for (const membershipId of people.membershipsWith(id)) removeMembership(tx, context, membershipId);
  for (const grantId of people.grantsTo(id)) removeGrant(tx, context, grantId);
  people.removePrincipal(id);
  logEvent(tx, context, `${row.kind}.deleted`, [id], { detail: row.name });
}

/** All principals, groups before users, each by name. */
export function listPrincipals(tx: ReadRows): Principal[] {
  const rows = tx.people.principals();
  rows.sort((left, right) => compare(left.kind, right.kind) || compare(left.name, right.name));
  return rows.map(viewPrincipal);
}

export function viewPrincipal({ owner, ...shown }: PrincipalRow): Principal {
  return { ...shown, owned: owner !== undefined };
}

/** @throws CoffreError NOT_FOUND */
export function requirePrincipal(tx: ReadRows, id: string): PrincipalRow {
  const row = tx.people.principal(id);
  if (row) return row;
  throw new CoffreError("NOT_FOUND", `There is no user or group ${id}`, {
    hint: "Correct the id. If it was removed, its grants and memberships went with it: `coffre access --json` lists who is there.",
    details: { principalId: id },
  });
}

/** What stands in messages: `The user ana (us_…)`. */
export function principalText({ kind, name, id }: { kind: PrincipalKind; name: string; id: string }): string {
  return `The ${kind} ${name} (${id})`;
}

/** A time to come, as it is kept. @throws CoffreError INVALID_INPUT */
export function futureInstant(context: VaultContext, expiresAt: string): string {
  const instant = parseInstant("expiresAt", expiresAt);
  if (!hasPassed(instant, context.clock.now())) return instant;
  throw new CoffreError("INVALID_INPUT", `expiresAt has passed already: ${instant}`, {
    hint: "Give a later time, or leave out what is to give nothing.",
    details: { field: "expiresAt" },
  });
}

function checkPrincipal(tx: ReadRows, row: PrincipalRow): void {
  const misplaced = row.kind === "group" && (["email", "expiresAt"] as const).find((field) => row[field] !== undefined);
  if (misplaced) {
    throw new CoffreError("INVALID_INPUT", `A group has no ${misplaced}`, {
      hint: "Only users have one; what a group has is limited by its grants.",
      details: { field: misplaced },
    });
  }
  const taken = tx.people.principalNamed(row.kind, row.name);
  if (taken === undefined || taken === row.id) return;
  throw new CoffreError("CONFLICT", `There is a ${row.kind} ${row.name} (${taken}) already`, {
    hint: "Choose another name, or adopt the one that is there.",
    details: { principalId: taken },
  });
}

/** By code units: the same order on every machine. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
