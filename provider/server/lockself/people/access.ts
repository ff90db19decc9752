import * as z from "zod";
import { CoffreError } from "../../../core/errors.js";
import { formatLockselfDate, LockselfBoolean, LockselfDate, LockselfInteger } from "../../../vault/lockself/forms.js";
import type { Category, Grant, GrantRole, Principal } from "../../../vault/port.js";
import { parseSent } from "../bodies.js";
import { requireManaged } from "../categories.js";
import { type Answer, type Call, type Handler, notThere } from "../front.js";
import { pageOfList } from "../lists.js";
import { requirePrincipal, requireUserWithEmail } from "./users.js";

type Kind = Principal["kind"];

const Access = { isManager: LockselfBoolean.optional(), expirationDate: LockselfDate.optional() };
const AddUser = z.strictObject({ userId: LockselfInteger.optional(), email: z.string().optional(), ...Access });
const AddGroup = z.strictObject({ groupId: LockselfInteger, ...Access });
const Update = z.strictObject(Access);

/** What LockSelf's standard user may do in a category: read and add. The vault has no owners of entries, so also change. */
const STANDARD_ROLE: GrantRole = "editor";

/** The accesses that stand on the category itself; what comes from above is listed there. */
export function listAccess(kind: Kind): Handler {
  return async (call): Promise<Answer> => {
    const category = await requireManaged(call);
    const found: { grant: Grant; principal: Principal }[] = [];
    for await (const grant of call.vault.people.listGrants()) {
      if (grant.categoryId !== category.id) continue;
      const principal = await call.vault.people.readPrincipal(grant.principalId);
      if (principal.kind === kind) found.push({ grant, principal });
    }
    await call.front.numbers.catchUp();
    const page = pageOfList(call.front.style.lists, call.query, found, ({ grant, principal }) =>
      itemOf(call, principal, grant),
    );
    return { status: 200, body: page };
  };
}

export function addAccess(kind: Kind): Handler {
  return async (call): Promise<Answer> => {
    const category = await requireManaged(call);
    const { principal, isManager, expirationDate } = await parseAccess(call, kind);
    const grant = await call.vault.people.createGrant({
      categoryId: category.id,
      principalId: principal.id,
      role: isManager === true ? "manager" : STANDARD_ROLE,
      ...(expirationDate == null ? {} : { expiresAt: expirationDate }),
    });
    return { status: 201, body: await viewOf(call, principal, grant) };
  };
}

export function updateAccess(kind: Kind): Handler {
  return async (call): Promise<Answer> => {
    const category = await requireManaged(call);
    const { isManager, expirationDate } = parseSent(Update, call.body);
    const { principal, grant } = await requireAccess(call, kind, category);
    // A reader who isn't made a manager stays a reader.
    const role =
      isManager === true ? "manager" : isManager === false && grant.role === "manager" ? STANDARD_ROLE : undefined;
    const after = await call.vault.people.updateGrant(grant.id, {
      ...(role === undefined ? {} : { role }),
      ...(expirationDate === undefined ? {} : { expiresAt: expirationDate }),
    });
    return { status: 200, body: await viewOf(call, principal, after) };
  };
}

export function removeAccess(kind: Kind): Handler {
  return async (call): Promise<Answer> => {
    const { grant } = await requireAccess(call, kind, await requireManaged(call));
    await call.vault.people.deleteGrant(grant.id, {});
    return { status: 204 };
  };
}

async function parseAccess(call: Call, kind: Kind) {
  if (kind === "group") {
    const { groupId, ...access } = parseSent(AddGroup, call.body);
    return { principal: await requirePrincipal(call, kind, groupId), ...access };
  }
  const { userId, email, ...access } = parseSent(AddUser, call.body);
  if (userId !== undefined) return { principal: await requirePrincipal(call, kind, userId), ...access };
  if (email !== undefined) return { principal: await requireUserWithEmail(call, email), ...access };
  throw new CoffreError("INVALID_INPUT", "userId or email is missing", { details: { field: "userId" } });
}

async function requireAccess(
  call: Call,
  kind: Kind,
  category: Category,
): Promise<{ principal: Principal; grant: Grant }> {
  const number = call.params[kind === "user" ? "userId" : "groupId"];
  const principal = await requirePrincipal(call, kind, number);
  const grant = await call.vault.people.findGrant(category.id, principal.id);
  if (!grant) throw notThere(`access of ${kind} ${number} to this category`);
  return { principal, grant };
}

async function viewOf(call: Call, principal: Principal, grant: Grant): Promise<Record<string, unknown>> {
  await call.front.numbers.catchUp();
  return itemOf(call, principal, grant);
}

function itemOf({ front }: Call, { id, kind, name, email = name }: Principal, grant: Grant): Record<string, unknown> {
  const number = front.numbers.known(id);
  return {
    ...(kind === "user" ? { userId: number, email } : { groupId: number, name }),
    isManager: grant.role === "manager",
    // LockSelf's standard user may add entries; a reader of the vault may not.
    isReadOnly: grant.role === "reader",
    expirationDate: grant.expiresAt === undefined ? null : formatLockselfDate(new Date(grant.expiresAt)),
  };
}
