import * as z from "zod";
import { LockselfBoolean, LockselfInteger } from "../../../vault/lockself/forms.js";
import { parseNumber, parseSent } from "../bodies.js";
import { type Answer, type Call, notAllowed } from "../front.js";
import { pageOfList } from "../lists.js";
import type { NamedPolicy } from "./named-policies.js";

const Length = LockselfInteger.pipe(z.int().min(1).max(256));
const CreateBody = z.strictObject({
  name: z.string().min(1).max(200),
  minLength: Length.optional(),
  maxLength: Length.optional(),
  uppercase: LockselfBoolean.optional(),
  lowercase: LockselfBoolean.optional(),
  digits: LockselfBoolean.optional(),
  special: LockselfBoolean.optional(),
});
const UpdateBody = CreateBody.partial();

export async function listPolicies(call: Call): Promise<Answer> {
  const { policies, style } = call.front;
  return {
    status: 200,
    body: pageOfList(style.lists, call.query, policies.list(), ([number, policy]) => itemOf(number, policy)),
  };
}

export async function createPolicy(call: Call): Promise<Answer> {
  requireKeeper(call);
  const { name, minLength, maxLength, ...classes } = parseSent(CreateBody, call.body);
  const policy: NamedPolicy = {
    ...{ name, uppercase: false, lowercase: false, digits: false, special: false },
    ...given({ minLength, maxLength, ...classes }),
  };
  return { status: 201, body: itemOf(await call.front.policies.create(policy), policy) };
}

export async function readPolicy(call: Call): Promise<Answer> {
  const number = numberOf(call);
  return { status: 200, body: itemOf(number, call.front.policies.get(number)) };
}

export async function updatePolicy(call: Call): Promise<Answer> {
  requireKeeper(call);
  const { policies } = call.front;
  const number = numberOf(call);
  const { categories: _categories, ...before } = policies.get(number);
  const policy = { ...before, ...given(parseSent(UpdateBody, call.body)) };
  await policies.update(call.vault, number, policy);
  return { status: 200, body: itemOf(number, policy) };
}

export async function deletePolicy(call: Call): Promise<Answer> {
  requireKeeper(call);
  await call.front.policies.remove(call.vault, numberOf(call));
  return { status: 204 };
}

/** -1 is nobody's. */
function numberOf({ params }: Call): number {
  return parseNumber(params["id"]) ?? -1;
}

function requireKeeper(call: Call): void {
  if (!call.rights.mayManagePeople) throw notAllowed(call, "change password policies");
}

/** Without what is `undefined`. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  // What is left has a value.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof given<T>
  >;
}

function itemOf(
  id: number,
  { name, minLength, maxLength, uppercase, lowercase, digits, special }: NamedPolicy,
): Record<string, unknown> {
  return {
    id,
    name,
    minLength: minLength ?? null,
    maxLength: maxLength ?? null,
    uppercase,
    lowercase,
    digits,
    special,
  };
}
