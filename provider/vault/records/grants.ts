import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import { parseInstant } from "../../core/instant.js";
import type { Grant, GrantInput, GrantPatch, OwnerProof } from "../port.js";
import { categoryGone, logEvent, type VaultContext } from "./context.js";
import { checkOwner, type Keyed, ownerRow } from "./owner.js";
import { changedFields, patched } from "./patch.js";
import type { GrantRow } from "./people-rows.js";
import { futureInstant, principalText, requirePrincipal } from "./principals.js";
import type { ReadRows, WriteRows } from "./rows.js";
import { Tree } from "./tree.js";

/** How many grants a message names. */
const MOST_NAMED = 3;

/** The rules of `People.createGrant`. */
export function createGrant(tx: WriteRows, context: VaultContext, keyed: Keyed, input: GrantInput): Grant {
  const { categoryId, principalId, role, expiresAt, owner } = input;
  const row: GrantRow = {
    id: newId("gt_"),
    categoryId,
    principalId,
    role,
    ...(expiresAt === undefined ? {} : { expiresAt: futureInstant(context, expiresAt) }),
    ...(owner === undefined ? {} : { owner: ownerRow(keyed, owner) }),
  };
  checkGrant(tx, row);
  tx.people.putGrant(row);
  logEvent(tx, context, "grant.created", idsOf(row), { detail: role });
  return viewGrant(row);
}

/** The rules of `People.updateGrant`. */
export function updateGrant(tx: WriteRows, context: VaultContext, keyed: Keyed, id: string, patch: GrantPatch): Grant {
  const before = requireGrant(tx, id);
  checkOwner(keyed, before, patch, `The grant ${id}`);
  const row = patched(before, patch, ["categoryId", "principalId", "role", "expiresAt"]);
  if (typeof patch.expiresAt === "string") row.expiresAt = parseInstant("expiresAt", patch.expiresAt);
  if (patch.owner !== undefined) row.owner = ownerRow(keyed, patch.owner);
  const changes = changedFields(before, row);
  if (changes.length === 0) return viewGrant(before);
  checkGrant(tx, row);
  tx.people.putGrant(row);
  logEvent(tx, context, "grant.updated", idsOf(row), { detail: changes.join(", ") });
  return viewGrant(row);
}

/** The rules of `People.deleteGrant`. */
export function deleteGrant(tx: WriteRows, context: VaultContext, keyed: Keyed, id: string, proof: OwnerProof): void {
  const row = tx.people.grant(id);
  if (!row) return;
  checkOwner(keyed, row, proof, `The grant ${id}`);
  removeGrant(tx, context, id);
}

/** Removes one with its event, whoever owns it. */
export function removeGrant(tx: WriteRows, context: VaultContext, id: string): void {
  const row = tx.people.grant(id);
  if (!row) return;
  tx.people.removeGrant(id);
  logEvent(tx, context, "grant.deleted", idsOf(row), { detail: row.role });
}

/** A category takes nobody's grant along: another stack may have made it. @throws CoffreError CONFLICT */
export function refuseGranted(tx: ReadRows, categoryId: string, what: string): void {
  const ids = tx.people.grantsOn(categoryId);
  if (ids.length === 0) return;
  const named = ids.slice(0, MOST_NAMED).flatMap((id) => {
    const grant = tx.people.grant(id);
    const principal = grant && tx.people.principal(grant.principalId);
    return principal ? [`${principal.kind} ${principal.name} (${id})`] : [];
  });
  const more = ids.length > named.length ? `, and ${ids.length - named.length} more` : "";
  throw new CoffreError("CONFLICT", `${what} has grants: ${named.join(", ")}${more}`, {
    hint: "Remove them first, where they are declared: `coffre access` shows them.",
    details: { categoryId },
  });
}

export function viewGrant({ owner, ...shown }: GrantRow): Grant {
  return { ...shown, owned: owner !== undefined };
}

/** @throws CoffreError NOT_FOUND */
export function requireGrant(tx: ReadRows, id: string): GrantRow {
  const row = tx.people.grant(id);
  if (row) return row;
  throw new CoffreError("NOT_FOUND", `There is no grant ${id}`, { details: { grantId: id } });
}

function idsOf({ id, categoryId, principalId }: GrantRow): string[] {
  return [id, principalId, ...(categoryId === null ? [] : [categoryId])];
}

function checkGrant(tx: ReadRows, row: GrantRow): void {
  if (row.categoryId !== null && !tx.category(row.categoryId)) throw categoryGone(row.categoryId);
  const principal = requirePrincipal(tx, row.principalId);
  const taken = tx.people.grantOf(row.categoryId, row.principalId);
  if (taken === undefined || taken === row.id) return;
  const role = tx.people.grant(taken)?.role;
  const where =
    row.categoryId === null
      ? "the root"
      : `category ${new Tree(tx).path(row.categoryId).join("/")} (${row.categoryId})`;
  throw new CoffreError("CONFLICT", `${principalText(principal)} is ${role} of ${where} already, by grant ${taken}`, {
    hint: "One grant for each principal and category: change the role of that one, or adopt it.",
    details: { grantId: taken },
  });
}
