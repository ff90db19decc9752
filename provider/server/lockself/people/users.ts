import * as z from "zod";
import { CoffreError } from "../../../core/errors.js";
import { hasPassed } from "../../../core/instant.js";
import { formatLockselfDate, LockselfBoolean, LockselfDate, LockselfInteger } from "../../../vault/lockself/forms.js";
import type { Principal } from "../../../vault/port.js";
import { parseSent } from "../bodies.js";
import {
  type Answer,
  type Call,
  checkOrganization,
  notAllowed,
  notThere,
  ORGANIZATION_ID,
  requireId,
} from "../front.js";
import { pageOfList } from "../lists.js";

/** The one role that an account has by itself: what a token may do is said when the token is made. */
const STANDARD = "standard";

const CreateBody = z.strictObject({
  firstName: z.string().max(100).optional(),
  lastName: z.string().max(100).optional(),
  email: z.email().max(200),
  organizationId: LockselfInteger.optional(),
  expirationDate: LockselfDate.optional(),
  isExternal: LockselfBoolean.optional(),
  role: z.string().optional(),
});
const UpdateBody = CreateBody.partial().extend({ isBlocked: LockselfBoolean.optional() });
type UpdateBody = z.infer<typeof UpdateBody>;
const ListQuery = z.object({ organizationId: LockselfInteger.optional() });

export async function listUsers(call: Call): Promise<Answer> {
  requirePeopleReader(call);
  const { front, query } = call;
  checkOrganization(parseSent(ListQuery, query).organizationId);
  const users = await principalsOf(call, "user");
  return { status: 200, body: pageOfList(front.style.lists, query, users, (user) => itemOf(call, user)) };
}

export async function createUser(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  const body = parseSent(CreateBody, call.body);
  refuseUnheld(body);
  const { email, firstName, lastName, expirationDate } = body;
  const displayName = displayNameOf(firstName ?? "", lastName ?? "");
  const user = await call.vault.people.createPrincipal({
    kind: "user",
    name: email,
    email,
    ...(displayName === "" ? {} : { displayName }),
    ...(expirationDate == null ? {} : { expiresAt: expirationDate }),
  });
  return { status: 201, body: await viewOf(call, user) };
}

export async function readUser(call: Call): Promise<Answer> {
  requirePeopleReader(call);
  return { status: 200, body: await viewOf(call, await requirePrincipal(call, "user", call.params["id"])) };
}

export async function updateUser(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  const body = parseSent(UpdateBody, call.body);
  refuseUnheld(body);
  const before = await requireChangeable(call);
  const { email, firstName, lastName, isBlocked } = body;
  const names = namesOf(before);
  const displayName = displayNameOf(firstName ?? names.firstName, lastName ?? names.lastName);
  // Who is blocked has no right any more: that is an account whose time has passed.
  const expiresAt =
    isBlocked === true ? call.front.clock.now().toISOString() : isBlocked === false ? null : body.expirationDate;
  const user = await call.vault.people.updatePrincipal(before.id, {
    // The name follows the address where it was the address: what tokens call a user stays as it is elsewhere.
    ...(email === undefined ? {} : { email, ...(before.name === before.email ? { name: email } : {}) }),
    ...(firstName === undefined && lastName === undefined
      ? {}
      : { displayName: displayName === "" ? null : displayName }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
  return { status: 200, body: await viewOf(call, user) };
}

export async function deleteUser(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  await call.vault.people.deletePrincipal((await requireChangeable(call)).id, {});
  return { status: 204 };
}

/** All users or all groups, by their numbers. */
export async function principalsOf({ front, vault }: Call, kind: Principal["kind"]): Promise<Principal[]> {
  const found: Principal[] = [];
  for await (const principal of vault.people.listPrincipals()) if (principal.kind === kind) found.push(principal);
  await front.numbers.catchUp();
  return front.numbers.inOrder(found);
}

/** @throws CoffreError NOT_FOUND */
export async function requirePrincipal(
  call: Call,
  kind: Principal["kind"],
  number: string | number | undefined,
): Promise<Principal> {
  const id = await requireId(call, kind === "user" ? "us_" : "gp_", kind, number);
  return call.vault.people.readPrincipal(id);
}

/** The user that a path names. @throws CoffreError NOT_FOUND; FORBIDDEN for an administrator's, which is another one's to change */
async function requireChangeable(call: Call): Promise<Principal> {
  const user = await requirePrincipal(call, "user", call.params["id"]);
  if (!call.rights.mayChangeUser(user.id)) throw notAllowed(call, "change an administrator");
  return user;
}

/** The user with this address. @throws CoffreError NOT_FOUND; CONFLICT if two have it */
export async function requireUserWithEmail(call: Call, email: string): Promise<Principal> {
  const [user, second] = (await principalsOf(call, "user")).filter((one) => one.email === email || one.name === email);
  if (!user) throw notThere("user with this address");
  if (second) throw new CoffreError("CONFLICT", "Two users have this address", { hint: "Name the user by its id." });
  return user;
}

/** Names of others are for those who give access to them. */
export function requirePeopleReader(call: Call): void {
  const { mayManagePeople, strongest } = call.rights;
  if (!mayManagePeople && strongest !== "manager") throw notAllowed(call, "see users and groups");
}

export function requirePeopleKeeper(call: Call): void {
  if (!call.rights.mayManagePeople) throw notAllowed(call, "change users and groups");
}

/** What the vault has no place for is refused, so that nobody relies on it. */
function refuseUnheld({ organizationId, isExternal, role }: UpdateBody): void {
  checkOrganization(organizationId);
  const field = isExternal === true ? "isExternal" : role !== undefined && role !== STANDARD ? "role" : undefined;
  if (field === undefined) return;
  throw new CoffreError("POLICY", `This server holds no ${field} of users`, {
    hint: "What a user may do follows from grants, and from the role of the token: `coffre serve token create`.",
    details: { field },
  });
}

function displayNameOf(firstName: string, lastName: string): string {
  return `${firstName} ${lastName}`.trim();
}

/** The vault keeps one name: what stands before its first space is the first one. */
function namesOf({ displayName = "" }: Principal): { firstName: string; lastName: string } {
  const [firstName = "", ...others] = displayName.split(" ");
  return { firstName, lastName: others.join(" ") };
}

async function viewOf(call: Call, user: Principal): Promise<Record<string, unknown>> {
  await call.front.numbers.catchUp();
  return itemOf(call, user);
}

function itemOf({ front }: Call, user: Principal): Record<string, unknown> {
  const { id, name, email = name, expiresAt } = user;
  return {
    id: front.numbers.known(id),
    ...namesOf(user),
    email,
    organizationId: ORGANIZATION_ID,
    expirationDate: expiresAt === undefined ? null : formatLockselfDate(new Date(expiresAt)),
    isExternal: false,
    isBlocked: hasPassed(expiresAt, front.clock.now()),
    role: STANDARD,
  };
}
