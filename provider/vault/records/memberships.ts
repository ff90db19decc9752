import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import type { Membership, MembershipInput, MembershipPatch, OwnerProof } from "../port.js";
import { logEvent, type VaultContext } from "./context.js";
import { checkOwner, type Keyed, ownerRow } from "./owner.js";
import { changedFields, patched } from "./patch.js";
import type { MembershipRow } from "./people-rows.js";
import { principalText, requirePrincipal } from "./principals.js";
import type { ReadRows, WriteRows } from "./rows.js";

/** The rules of `People.createMembership`. */
export function createMembership(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  { groupId, memberId, owner }: MembershipInput,
): Membership {
  const row: MembershipRow = {
    id: newId("mb_"),
    groupId,
    memberId,
    ...(owner === undefined ? {} : { owner: ownerRow(keyed, owner) }),
  };
  checkMembership(tx, row);
  tx.people.putMembership(row);
  logEvent(tx, context, "membership.created", idsOf(row));
  return viewMembership(row);
}

/** The rules of `People.updateMembership`. */
export function updateMembership(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  patch: MembershipPatch,
): Membership {
  const before = requireMembership(tx, id);
  checkOwner(keyed, before, patch, `The membership ${id}`);
  const row = patched(before, patch, ["groupId", "memberId"]);
  if (patch.owner !== undefined) row.owner = ownerRow(keyed, patch.owner);
  const changes = changedFields(before, row);
  if (changes.length === 0) return viewMembership(before);
  checkMembership(tx, row);
  tx.people.putMembership(row);
  logEvent(tx, context, "membership.updated", idsOf(row), { detail: changes.join(", ") });
  return viewMembership(row);
}

/** The rules of `People.deleteMembership`. */
export function deleteMembership(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  proof: OwnerProof,
): void {
  const row = tx.people.membership(id);
  if (!row) return;
  checkOwner(keyed, row, proof, `The membership ${id}`);
  removeMembership(tx, context, id);
}

/** Removes one with its event, whoever owns it. */
export function removeMembership(tx: WriteRows, context: VaultContext, id: string): void {
  const row = tx.people.membership(id);
  if (!row) return;
  tx.people.removeMembership(id);
  logEvent(tx, context, "membership.deleted", idsOf(row));
}

export function viewMembership({ owner, ...shown }: MembershipRow): Membership {
  return { ...shown, owned: owner !== undefined };
}

/** @throws CoffreError NOT_FOUND */
export function requireMembership(tx: ReadRows, id: string): MembershipRow {
  const row = tx.people.membership(id);
  if (row) return row;
  throw new CoffreError("NOT_FOUND", `There is no membership ${id}`, { details: { membershipId: id } });
}

function idsOf({ id, groupId, memberId }: MembershipRow): string[] {
  return [id, groupId, memberId];
}

function checkMembership(tx: ReadRows, row: MembershipRow): void {
  const [group, member] = [requirePrincipal(tx, row.groupId), requirePrincipal(tx, row.memberId)];
  if (group.kind !== "group") {
    throw new CoffreError("INVALID_INPUT", `${principalText(group)} is no group`, {
      hint: "Only a group has members: put the user into the group, not the group into the user.",
      details: { field: "groupId" },
    });
  }
  const taken = tx.people.membershipOf(group.id, member.id);
  if (taken !== undefined && taken !== row.id) {
    throw new CoffreError("CONFLICT", `${principalText(member)} is in group ${group.name} already, by ${taken}`, {
      hint: "One membership is enough: remove this one.",
      details: { membershipId: taken },
    });
  }
  if (member.kind === "group") checkNoCycle(tx, row);
}

/** A group whose members lead back to it would hold itself. */
function checkNoCycle(tx: ReadRows, row: MembershipRow): void {
  const [group, member] = [requirePrincipal(tx, row.groupId), requirePrincipal(tx, row.memberId)];
  if (group.id === member.id) {
    throw new CoffreError("CONFLICT", `${principalText(group)} can't be a member of itself`, {
      hint: "Remove this membership.",
      details: { groupId: group.id },
    });
  }
  const above = groupsAbove(tx, group.id, row.id);
  if (!above.has(member.id)) return;
  throw new CoffreError(
    "CONFLICT",
    `${principalText(member)} can't be in group ${group.name} (${group.id}), which is in ${member.name} itself`,
    {
      hint: "Groups in groups make no circle: remove one of these memberships.",
      details: { groupId: group.id, memberId: member.id },
    },
  );
}

/** The groups in which a group is, directly or through others; without the membership `except`. */
function groupsAbove(tx: ReadRows, groupId: string, except: string): Set<string> {
  const above = new Set<string>();
  const waiting = [groupId];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const membershipId of tx.people.membershipsWith(id)) {
      const membership = tx.people.membership(membershipId);
      if (!membership || membershipId === except || membership.memberId !== id || above.has(membership.groupId))
        continue;
      above.add(membership.groupId);
      waiting.push(membership.groupId);
    }
  }
  return above;
}
