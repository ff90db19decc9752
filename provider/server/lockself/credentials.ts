import { hostname } from "node:os";
import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { checkFieldValue } from "../../core/field.js";
import { newId } from "../../core/id.js";
import { checkPassword, mergePolicies } from "../../core/policy.js";
import { Secret } from "../../core/secret.js";
import { formatLockselfDate, LockselfInteger } from "../../vault/lockself/forms.js";
import { CredentialBody } from "../../vault/lockself/messages.js";
import type { Credential, RotationStep, ValueAnswer, ValueRequest } from "../../vault/port.js";
import { parseSent } from "./bodies.js";
import { DECRYPTED, decrypted, fieldChanges, fullItem, listItem, newCause, parseTags } from "./credential-entry.js";
import { type Answer, type Call, notAllowed, notThere, requireCategoryId, requireId } from "./front.js";
import { pageOfList } from "./lists.js";

const CreateBody = z.strictObject(CredentialBody.shape);
const UpdateBody = CreateBody.partial();
type UpdateBody = z.infer<typeof UpdateBody>;
const ListQuery = z.object({ categoryId: LockselfInteger.optional() });

/** Longer than one write of the vault takes. */
const LEASE_SECONDS = 30;

export async function listCredentials(call: Call): Promise<Answer> {
  const { front, rights, vault, query } = call;
  const { categoryId: number } = parseSent(ListQuery, query);
  const categoryId = number === undefined ? undefined : await requireCategoryId(call, number);
  if (categoryId !== undefined && !rights.mayRead(categoryId)) throw notAllowed(call, "read this category");
  const found: Credential[] = [];
  for await (const credential of vault.listCredentials()) {
    const wanted =
      categoryId === undefined ? rights.mayRead(credential.categoryId) : credential.categoryId === categoryId;
    if (wanted) found.push(credential);
  }
  await front.numbers.catchUp();
  const page = pageOfList(front.style.lists, query, front.numbers.inOrder(found), (credential) =>
    listItem(call, credential),
  );
  return { status: 200, body: page };
}

export async function createCredential(call: Call): Promise<Answer> {
  const body = parseSent(CreateBody, call.body);
  const categoryId = await requireCategoryId(call, body.categoryId);
  if (!call.rights.mayWrite(categoryId)) throw notAllowed(call, "create an entry in this category");
  const value = await checkedPassword(call, categoryId, body.password);
  const cause = newCause();
  const [created] = await call.vault.createCredentials([
    {
      name: body.name,
      categoryId,
      ...textsOf(body),
      valueManagedBy: "external", // whoever writes through LockSelf's API brings the value
      initial: { value, causes: [cause] },
      fields: fieldChanges(body, undefined, cause),
    },
  ]);
  if (!created) throw notThere("entry");
  await call.front.numbers.catchUp();
  return { status: 201, body: fullItem(call, created) };
}

export async function readCredential(call: Call): Promise<Answer> {
  const credential = await requireEntry(call);
  await call.front.numbers.catchUp(); // for its date
  return { status: 200, body: fullItem(call, credential) };
}

export async function updateCredential(call: Call): Promise<Answer> {
  const body = parseSent(UpdateBody, call.body);
  const before = await requireWritable(call);
  const categoryId = body.categoryId === undefined ? before.categoryId : await requireCategoryId(call, body.categoryId);
  if (!call.rights.mayWrite(categoryId)) throw notAllowed(call, "move an entry into this category");
  const value = await newPassword(call, before, categoryId, body.password);
  const after = await call.vault.updateCredential(before.id, {
    ...(body.name === undefined ? {} : { name: body.name }),
    ...(body.categoryId === undefined ? {} : { categoryId }),
    ...patchOf(body),
    fields: fieldChanges(body, before, newCause()),
  });
  if (value) await putPassword(call, after, value);
  await call.front.numbers.catchUp();
  return { status: 200, body: fullItem(call, after) };
}

/** LockSelf has no bin, so the entry is gone with its values; but never one on which a password elsewhere depends. */
export async function deleteCredential(call: Call): Promise<Answer> {
  const credential = await requireWritable(call);
  if (credential.targets.length > 0) {
    throw new CoffreError("CONFLICT", "The entry has the password of an account that Coffre rotates", {
      hint: "Remove it from the program that declares it: its values are then kept in the archive.",
    });
  }
  await call.vault.deleteCredential(credential.id, {});
  return { status: 204 };
}

export async function decryptCredential(call: Call): Promise<Answer> {
  const credential = await requireEntry(call);
  const { id, fields } = credential;
  const kept = DECRYPTED.filter((wanted) =>
    fields.some(({ name, versions }) => name === wanted && versions.some(({ state }) => state === "current")),
  );
  const hasPassword = credential.versions.some(({ state }) => state === "current");
  const requests: ValueRequest[] = [...(hasPassword ? [{ id }] : []), ...kept.map((field) => ({ id, field }))];
  const values = await readValues(call, requests);
  const number = await call.front.numbers.numberOf(id);
  return { status: 200, body: decrypted(number, credential, values) };
}

/** Earlier passwords, newest first: all that the vault keeps, where LockSelf itself shows one. */
export async function readHistory(call: Call): Promise<Answer> {
  const { id, versions } = await requireEntry(call);
  const earlier = versions.filter(({ state }) => state === "previous").reverse();
  const values = await readValues(
    call,
    earlier.map(({ number }) => ({ id, version: number })),
  );
  const items = earlier.map(({ number, createdAt, promotedAt }, index) => ({
    version: number,
    password: values[index]?.value.reveal() ?? "",
    creationDate: formatLockselfDate(new Date(promotedAt ?? createdAt)),
  }));
  return { status: 200, body: pageOfList(call.front.style.lists, call.query, items, (item) => item) };
}

async function readValues({ vault }: Call, requests: readonly ValueRequest[]): Promise<ValueAnswer[]> {
  const answers = requests.length === 0 ? [] : await vault.readMany(requests);
  return answers.map((answer) => {
    if (answer instanceof Error) throw answer;
    return answer;
  });
}

/** @throws CoffreError NOT_FOUND also for one that the caller may not read, and for an archived one */
async function requireEntry(call: Call): Promise<Credential> {
  const number = call.params["id"];
  const id = await requireId(call, "cr_", "credential", number);
  const credential = await call.vault.readCredential(id);
  if (credential.archivedAt !== undefined || !call.rights.mayRead(credential.categoryId)) {
    throw notThere(`credential ${number}`);
  }
  return credential;
}

async function requireWritable(call: Call): Promise<Credential> {
  const credential = await requireEntry(call);
  if (!call.rights.mayWrite(credential.categoryId)) throw notAllowed(call, "change entries of this category");
  return credential;
}

function textsOf({ username, domain, description, tags }: UpdateBody) {
  return {
    ...(username === undefined || username === "" ? {} : { username }),
    ...(domain === undefined || domain === "" ? {} : { url: domain }),
    ...(description === undefined || description === "" ? {} : { description }),
    ...(tags === undefined ? {} : { tags: parseTags(tags) }),
  };
}

/** An empty text takes the vault's away. */
function patchOf({ username, domain, description, tags }: UpdateBody) {
  return {
    ...(username === undefined ? {} : { username: username === "" ? null : username }),
    ...(domain === undefined ? {} : { url: domain === "" ? null : domain }),
    ...(description === undefined ? {} : { description: description === "" ? null : description }),
    ...(tags === undefined ? {} : { tags: parseTags(tags) }),
  };
}

/** @throws CoffreError INVALID_INPUT for its size; POLICY that names each broken rule and nothing of the value */
async function checkedPassword({ vault }: Call, categoryId: string | null, password: string): Promise<Secret> {
  const value = checkFieldValue("password", "secret", new Secret(password));
  const policies = categoryId === null ? [] : (await vault.readCategory(categoryId)).policies;
  const broken = checkPassword(mergePolicies(policies), value);
  if (broken.length === 0) return value;
  const rules = broken.map(({ message }) => message).join("; ");
  throw new CoffreError("POLICY", `The password breaks the policy of its category: ${rules}`, {
    hint: "Nothing was changed.",
  });
}

/** The password that an update brings; `undefined` for none, and for the one that is in force already, which is no new version. */
async function newPassword(
  call: Call,
  before: Credential,
  categoryId: string | null,
  password: string | undefined,
): Promise<Secret | undefined> {
  if (password === undefined) return undefined;
  const hasCurrent = before.versions.some(({ state }) => state === "current");
  const [current] = await readValues(call, hasCurrent ? [{ id: before.id }] : []);
  if (current?.value.reveal() === password) return undefined;
  if (before.targets.length > 0 || before.journal.pending) {
    throw new CoffreError("CONFLICT", "The entry's password is that of an account which Coffre rotates", {
      hint: "Nothing was changed. `coffre rotate` gives the account another password.",
    });
  }
  return checkedPassword(call, categoryId, password);
}

/** Staged and promoted in one write: nobody reads a pending version, and one that is under way elsewhere stops it. */
async function putPassword({ vault }: Call, { id, versions, journal }: Credential, value: Secret): Promise<void> {
  const version = Math.max(0, ...versions.map(({ number }) => number)) + 1;
  // Who brings the value has decided what waited for a person.
  const decided: RotationStep[] = journal.attention ? [{ step: "clear-attention" }] : [];
  await vault.acquireLease(id, { holder: `${hostname()}/${newId("msg_")}`, ttlSeconds: LEASE_SECONDS }, [
    ...decided,
    { step: "stage", value, causes: [newCause()], accounts: [] },
    { step: "promote", version, verified: false },
    { step: "release" },
  ]);
}
