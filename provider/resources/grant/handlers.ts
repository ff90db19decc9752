import type { Grant } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { handlersOf } from "../people/handlers-of.js";
import {
  type CheckFacts,
  declarePair,
  type EntryKind,
  type EntryState,
  knownText,
  principalOf,
  refuseExpiry,
  shownExpiry,
  tidyExpiry,
} from "../people/kind.js";
import { ensureRootCategory, findRootCategory } from "../root-category.js";
import type { Properties } from "../values.js";
import { GrantInputs } from "./schema.js";

const NOUN = "grant";

const kind: EntryKind<GrantInputs, Grant> = {
  noun: NOUN,
  owned: "grant",
  schema: GrantInputs,
  read: (people, id) => people.readGrant(id),
  async find(context, { categoryId, principalId }) {
    const place = categoryId ?? (await findRootCategory(context));
    return place === undefined ? undefined : context.vault.people.findGrant(place, principalId);
  },
  async create(context, { categoryId, principalId, role, expiresAt }, owner) {
    return context.vault.people.createGrant({
      categoryId: categoryId ?? (await ensureRootCategory(context)),
      principalId,
      role,
      owner,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    });
  },
  async update(context, id, { inputs, proof, owner }) {
    const { categoryId, principalId, role, expiresAt } = inputs;
    return context.vault.people.updateGrant(id, {
      categoryId: categoryId ?? (await ensureRootCategory(context)),
      principalId,
      role,
      expiresAt: expiresAt ?? null, // a right is what is declared, and nothing that somebody else added
      ...proof,
      ...(owner ? { owner } : {}),
    });
  },
  remove: (people, id, proof) => people.deleteGrant(id, proof),
  known: async ({ overview }, id) => (await overview.people()).grants.get(id),
  shown,
  title: ({ principalId, categoryId }) => `grant to ${principalId ?? "somebody"} on ${categoryId ?? "the root"}`,
  tidy: tidyExpiry,
  refuse,
};

/** What a front needs of a grant. */
export const grantHandlers = handlersOf(kind);

async function shown(
  context: ResourceContext,
  grant: Grant,
  state: EntryState<GrantInputs>,
): Promise<Partial<GrantInputs>> {
  const { categoryId, principalId, role, expiresAt } = grant;
  const stated = state.categoryId ?? (await findRootCategory(context)) ?? null;
  const looked = state.vaultStamp === undefined;
  return {
    ...(looked || stated !== categoryId ? { categoryId: categoryId ?? undefined } : {}),
    principalId,
    role,
    expiresAt: shownExpiry(state.expiresAt, expiresAt),
  };
}

async function refuse(context: ResourceContext, inputs: Properties, facts: CheckFacts): Promise<void> {
  refuseExpiry(context, inputs, facts);
  const principalId = knownText(inputs, "principalId");
  if (principalId !== undefined) await principalOf(context, principalId);
  const given = inputs["categoryId"] !== undefined;
  const categoryId = given ? knownText(inputs, "categoryId") : await findRootCategory(context);
  if (typeof categoryId === "string" && !(await context.overview.categories()).has(categoryId)) {
    await context.vault.readCategory(categoryId);
  }
  if (principalId !== undefined && categoryId !== undefined) {
    declarePair(context, NOUN, inputs, [categoryId ?? "root", principalId]);
  }
}
