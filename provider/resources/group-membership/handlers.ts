import { CoffreError } from "../../core/errors.js";
import type { Membership, Principal } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { handlersOf } from "../people/handlers-of.js";
import { type CheckFacts, declarePair, type EntryKind, knownText, principalOf } from "../people/kind.js";
import type { Properties } from "../values.js";
import { GroupMembershipInputs } from "./schema.js";

const NOUN = "membership";

const kind: EntryKind<GroupMembershipInputs, Membership> = {
  noun: NOUN,
  owned: "membership",
  schema: GroupMembershipInputs,
  read: (people, id) => people.readMembership(id),
  find: ({ vault }, { groupId, memberId }) => vault.people.findMembership(groupId, memberId),
  create: ({ vault }, { groupId, memberId }, owner) => vault.people.createMembership({ groupId, memberId, owner }),
  update: ({ vault }, id, { inputs: { groupId, memberId }, proof, owner }) =>
    vault.people.updateMembership(id, { groupId, memberId, ...proof, ...(owner ? { owner } : {}) }),
  remove: (people, id, proof) => people.deleteMembership(id, proof),
  known: async ({ overview }, id) => (await overview.people()).memberships.get(id),
  shown: async (_context, { groupId, memberId }) => ({ groupId, memberId }),
  title: ({ groupId, memberId }) => `membership of ${memberId ?? "somebody"} in ${groupId ?? "a group"}`,
  tidy: (inputs) => inputs,
  refuse,
};

/** What a front needs of a membership. */
export const groupMembershipHandlers = handlersOf(kind);

async function refuse(context: ResourceContext, inputs: Properties, { olds }: CheckFacts): Promise<void> {
  const [groupId, memberId] = [knownText(inputs, "groupId"), knownText(inputs, "memberId")];
  const group = groupId === undefined ? undefined : await principalOf(context, groupId);
  const member = memberId === undefined ? undefined : await principalOf(context, memberId);
  if (group && group.kind !== "group") {
    throw new CoffreError("INVALID_INPUT", `groupId: ${group.name} is a user`, {
      hint: "Only a group has members: groupId is the group's, memberId the user's.",
    });
  }
  if (!group || !member) return;
  declarePair(context, NOUN, inputs, [group.id, member.id]);
  await refuseCircle(context, group, member, [knownText(olds, "groupId"), knownText(olds, "memberId")]);
}

/**
 * A group that would be in itself, by what the vault holds and what this program has declared so far. `replaced` is the
 * pair that the resource had.
 */
async function refuseCircle(
  context: ResourceContext,
  group: Principal,
  member: Principal,
  replaced: readonly (string | undefined)[],
): Promise<void> {
  if (member.kind !== "group") return;
  const { memberships } = await context.overview.people();
  const kept = [...memberships.values()].filter(
    ({ groupId, memberId }) => groupId !== replaced[0] || memberId !== replaced[1],
  );
  const declared = [...context.declaredPairs.values()].filter(({ noun }) => noun === NOUN);
  const pairs = [...kept.map(({ groupId, memberId }) => [groupId, memberId]), ...declared.map(({ pair }) => pair)];
  const below = new Set([member.id]);
  // A set is walked in the order of insertion, also over what is inserted meanwhile.
  for (const id of below) for (const [groupId, memberId = ""] of pairs) if (groupId === id) below.add(memberId);
  if (!below.has(group.id)) return;
  const problem =
    group.id === member.id
      ? `The group ${group.name} can't be a member of itself`
      : `The group ${member.name} can't be in ${group.name}, which is in ${member.name} itself`;
  throw new CoffreError("CONFLICT", problem, {
    hint: "Groups in groups make no circle: remove one of the memberships.",
  });
}
