import * as z from "zod";
import type { Principal } from "../../../vault/port.js";
import { parseSent } from "../bodies.js";
import type { Answer, Call } from "../front.js";
import { pageOfList } from "../lists.js";
import { principalsOf, requirePeopleKeeper, requirePeopleReader, requirePrincipal } from "./users.js";

const CreateBody = z.strictObject({ name: z.string().min(1) });
const UpdateBody = CreateBody.partial();

export async function listGroups(call: Call): Promise<Answer> {
  requirePeopleReader(call);
  const groups = await principalsOf(call, "group");
  const members = await membersOf(call);
  const page = pageOfList(call.front.style.lists, call.query, groups, (group) => itemOf(call, group, members));
  return { status: 200, body: page };
}

export async function createGroup(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  const { name } = parseSent(CreateBody, call.body);
  return { status: 201, body: await viewOf(call, await call.vault.people.createPrincipal({ kind: "group", name })) };
}

export async function readGroup(call: Call): Promise<Answer> {
  requirePeopleReader(call);
  return { status: 200, body: await viewOf(call, await groupOf(call)) };
}

export async function updateGroup(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  const { name } = parseSent(UpdateBody, call.body);
  const { id } = await groupOf(call);
  const group = await call.vault.people.updatePrincipal(id, name === undefined ? {} : { name });
  return { status: 200, body: await viewOf(call, group) };
}

/** Every access that it gave goes with it. */
export async function deleteGroup(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  await call.vault.people.deletePrincipal((await groupOf(call)).id, {});
  return { status: 204 };
}

/** Puts a user into the group; one who is in it already is a success, since PUT may be repeated. */
export async function addMember(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  const { people } = call.vault;
  const [group, user] = [await groupOf(call), await requirePrincipal(call, "user", call.params["userId"])];
  if (!(await people.findMembership(group.id, user.id))) {
    await people.createMembership({ groupId: group.id, memberId: user.id });
  }
  return { status: 200, body: await viewOf(call, group) };
}

export async function removeMember(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  const { people } = call.vault;
  const [group, user] = [await groupOf(call), await requirePrincipal(call, "user", call.params["userId"])];
  const membership = await people.findMembership(group.id, user.id);
  if (membership) await people.deleteMembership(membership.id, {});
  return { status: 204 };
}

function groupOf(call: Call): Promise<Principal> {
  return requirePrincipal(call, "group", call.params["id"]);
}

/** Ids of the users in each group; groups in groups are no part of LockSelf. */
async function membersOf({ vault }: Call): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>();
  for await (const { groupId, memberId } of vault.people.listMemberships()) {
    if (!memberId.startsWith("us_")) continue;
    const others = members.get(groupId);
    if (others) others.push(memberId);
    else members.set(groupId, [memberId]);
  }
  return members;
}

async function viewOf(call: Call, group: Principal): Promise<Record<string, unknown>> {
  const members = await membersOf(call);
  await call.front.numbers.catchUp();
  return itemOf(call, group, members);
}

function itemOf(
  { front }: Call,
  { id, name }: Principal,
  members: ReadonlyMap<string, readonly string[]>,
): Record<string, unknown> {
  const userIds = (members.get(id) ?? []).map((member) => front.numbers.known(member));
  return { id: front.numbers.known(id), name, userIds: userIds.sort((left, right) => left - right) };
}
