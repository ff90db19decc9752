import { CoffreError } from "../../core/errors.js";
import { checkName } from "../../core/name.js";
import type { Principal, PrincipalKind, PrincipalPatch } from "../../vault/port.js";
import {
  type EntryKind,
  type EntryState,
  knownText,
  refuseExpiry,
  type SharedInputs,
  shownExpiry,
  tidyExpiry,
} from "./kind.js";

/** What a stack author declares of a user or a group; a group has fewer of these. */
export interface PrincipalInputs extends SharedInputs {
  name: string;
  displayName?: string | undefined;
  email?: string | undefined;
  expiresAt?: string | undefined;
}

/** What stays as people made it where no program declares it; an expiry too, which may be somebody's departure. */
const OPTIONAL = ["displayName", "email", "expiresAt"] as const;

/** The life of a user, or of a group. */
export function principalKind<Inputs extends PrincipalInputs>(
  kind: PrincipalKind,
  schema: EntryKind<Inputs, Principal>["schema"],
): EntryKind<Inputs, Principal> {
  return {
    noun: kind,
    owned: "principal",
    schema,
    async read(people, id) {
      const principal = await people.readPrincipal(id);
      if (principal.kind === kind) return principal;
      throw new CoffreError("NOT_FOUND", `There is no ${kind} ${id}: it is a ${principal.kind}`);
    },
    find: ({ vault }, { name }) => vault.people.findPrincipal(kind, name),
    create: ({ vault }, { name, displayName, email, expiresAt }, owner) =>
      vault.people.createPrincipal({
        kind,
        name,
        owner,
        ...(displayName === undefined ? {} : { displayName }),
        ...(email === undefined ? {} : { email }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      }),
    update: ({ vault }, id, { inputs, before, proof, owner }) =>
      vault.people.updatePrincipal(id, { ...changesOf(inputs, before), ...proof, ...(owner ? { owner } : {}) }),
    remove: (people, id, proof) => people.deletePrincipal(id, proof),
    known: async ({ overview }, id) => (await overview.people()).principals.get(id),
    shown: async (_context, entry, state) => shownInputs(entry, state),
    title: ({ name }) => `${kind} ${name ?? "of another stack"}`,
    tidy(inputs) {
      const name = knownText(inputs, "name");
      return { ...tidyExpiry(inputs), ...(name === undefined ? {} : { name: checkName(kind, name) }) };
    },
    refuse: async (context, inputs, facts) => refuseExpiry(context, inputs, facts),
  };
}

function changesOf(inputs: PrincipalInputs, before: EntryState<PrincipalInputs> | undefined): PrincipalPatch {
  const { name, displayName, email, expiresAt } = inputs;
  return {
    name,
    ...(displayName === undefined && before?.displayName === undefined ? {} : { displayName: displayName ?? null }),
    ...(email === undefined && before?.email === undefined ? {} : { email: email ?? null }),
    ...(expiresAt === undefined && before?.expiresAt === undefined ? {} : { expiresAt: expiresAt ?? null }),
  };
}

function shownInputs<Inputs extends PrincipalInputs>(entry: Principal, state: EntryState<Inputs>): Partial<Inputs> {
  const looked = state.vaultStamp === undefined;
  const shown: Partial<PrincipalInputs> = { name: entry.name };
  for (const field of OPTIONAL) if (looked || state[field] !== undefined) shown[field] = entry[field];
  if (shown.expiresAt !== undefined) shown.expiresAt = shownExpiry(state.expiresAt, entry.expiresAt);
  return shown as Partial<Inputs>; // `Inputs` has these fields, or the vault never answers them for its kind
}
