import * as z from "zod";
import { formatLockselfDate, LockselfInteger } from "../../vault/lockself/forms.js";
import { CategoryBody } from "../../vault/lockself/messages.js";
import type { Category } from "../../vault/port.js";
import { parseSent } from "./bodies.js";
import {
  type Answer,
  type Call,
  checkOrganization,
  notAllowed,
  notThere,
  ORGANIZATION_ID,
  requireCategoryId,
  requireId,
} from "./front.js";
import { pageOfList } from "./lists.js";

const CreateBody = z.strictObject(CategoryBody.shape);
const UpdateBody = CreateBody.partial();
type UpdateBody = z.infer<typeof UpdateBody>;
const ListQuery = z.object({ organizationId: LockselfInteger.optional() });

export async function listCategories(call: Call): Promise<Answer> {
  const { front, rights, vault, query } = call;
  checkOrganization(parseSent(ListQuery, query).organizationId);
  const found: Category[] = [];
  for await (const category of vault.listCategories()) if (rights.maySee(category.id)) found.push(category);
  await front.numbers.catchUp();
  const page = pageOfList(front.style.lists, query, front.numbers.inOrder(found), (category) => itemOf(call, category));
  return { status: 200, body: page };
}

export async function createCategory(call: Call): Promise<Answer> {
  const body = parseSent(CreateBody, call.body);
  const parentId = await parentOf(call, body.parentId ?? null);
  const policy = call.front.policies.policyFor(body.passwordPolicyId);
  const { expiresAt, readOnly } = rulesOf(body);
  const created = await call.vault.createCategory({
    name: body.name,
    parentId,
    ...(policy ? { policy } : {}),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(expiresAt == null ? {} : { expiresAt }),
  });
  await call.front.policies.apply(created.id, body.passwordPolicyId);
  return { status: 201, body: await viewOf(call, created) };
}

export async function readCategory(call: Call): Promise<Answer> {
  return { status: 200, body: await viewOf(call, await requireCategory(call)) };
}

export async function updateCategory(call: Call): Promise<Answer> {
  const body = parseSent(UpdateBody, call.body);
  const { id } = await requireManaged(call);
  const parentId = body.parentId === undefined ? undefined : await parentOf(call, body.parentId);
  const policy = call.front.policies.policyFor(body.passwordPolicyId);
  const after = await call.vault.updateCategory(id, {
    ...(body.name === undefined ? {} : { name: body.name }),
    ...(parentId === undefined ? {} : { parentId }),
    ...(body.passwordPolicyId === undefined ? {} : { policy: policy ?? null }),
    ...rulesOf(body),
  });
  await call.front.policies.apply(id, body.passwordPolicyId);
  return { status: 200, body: await viewOf(call, after) };
}

export async function deleteCategory(call: Call): Promise<Answer> {
  await call.vault.deleteCategory((await requireManaged(call)).id, {});
  return { status: 204 };
}

/** The category that a path names. @throws CoffreError NOT_FOUND also for one that the caller may not see */
export async function requireCategory(call: Call): Promise<Category> {
  const number = call.params["id"];
  const id = await requireId(call, "ct_", "category", number);
  if (!call.rights.maySee(id)) throw notThere(`category ${number}`);
  return call.vault.readCategory(id);
}

export async function requireManaged(call: Call): Promise<Category> {
  const category = await requireCategory(call);
  if (!call.rights.mayManage(category.id)) throw notAllowed(call, "manage this category");
  return category;
}

/** The vault's id of a parent that the caller may put a category into. A shared space's parent is none. */
async function parentOf(call: Call, number: number | null): Promise<string | null> {
  const parentId = number === null ? null : await requireCategoryId(call, number);
  if (call.rights.mayManage(parentId)) return parentId;
  throw notAllowed(call, parentId === null ? "create a shared space" : "create a category in this one");
}

/** Read-only and expiry in the vault's words. */
function rulesOf({ expirationDate, allowPasswordCreation }: UpdateBody): {
  expiresAt?: string | null;
  readOnly?: boolean;
} {
  return {
    ...(expirationDate === undefined ? {} : { expiresAt: expirationDate }),
    ...(allowPasswordCreation === undefined ? {} : { readOnly: !allowPasswordCreation }),
  };
}

async function viewOf(call: Call, category: Category): Promise<Record<string, unknown>> {
  await call.front.numbers.catchUp();
  return itemOf(call, category);
}

function itemOf({ front, rights }: Call, category: Category): Record<string, unknown> {
  const { id, name, parentId, policy, readOnly = false, expiresAt } = category;
  return {
    id: front.numbers.known(id),
    name,
    parentId: parentId === null ? null : front.numbers.known(parentId),
    organizationId: ORGANIZATION_ID,
    expirationDate: expiresAt === undefined ? null : formatLockselfDate(new Date(expiresAt)),
    passwordPolicyId: front.policies.numberFor(id, policy) ?? null,
    allowPasswordCreation: !readOnly,
    isManager: rights.mayManage(id),
  };
}
