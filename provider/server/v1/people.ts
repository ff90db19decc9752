import type { Grant } from "../../vault/port.js";
import type { Caller } from "../app.js";
import { forbidden } from "../failures.js";
import type { NamesOf } from "../../vault/remote/operations.js";
import { requireManage, requirePeople, requireUser } from "./guard.js";
import { type Handlers, only, unlessGone } from "./handler.js";

type PeopleName = Extract<NamesOf<"ask" | "change" | "list">, `people/${string}`>;

/** Users, groups and memberships are seen by everybody, as in a directory; grants by those whom their category concerns. */
export const PEOPLE_HANDLERS: Handlers<PeopleName> = {
  async "people/create-principal"(caller, { input }) {
    requirePeople(caller);
    return caller.vault.people.createPrincipal(input);
  },
  "people/read-principal": ({ vault }, { id }) => vault.people.readPrincipal(id),
  async "people/update-principal"(caller, { id, patch }) {
    requireUser(caller, id);
    return caller.vault.people.updatePrincipal(id, patch);
  },
  async "people/delete-principal"(caller, { id, proof }) {
    requireUser(caller, id);
    await caller.vault.people.deletePrincipal(id, proof);
    return undefined;
  },
  "people/find-principal": ({ vault }, { kind, name }) => vault.people.findPrincipal(kind, name),
  "people/list-principals": ({ vault }) => vault.people.listPrincipals(),

  async "people/create-membership"(caller, { input }) {
    requirePeople(caller);
    return caller.vault.people.createMembership(input);
  },
  "people/read-membership": ({ vault }, { id }) => vault.people.readMembership(id),
  async "people/update-membership"(caller, { id, patch }) {
    requirePeople(caller);
    return caller.vault.people.updateMembership(id, patch);
  },
  async "people/delete-membership"(caller, { id, proof }) {
    requirePeople(caller);
    await caller.vault.people.deleteMembership(id, proof);
    return undefined;
  },
  "people/find-membership": ({ vault }, { groupId, memberId }) => vault.people.findMembership(groupId, memberId),
  "people/list-memberships": ({ vault }) => vault.people.listMemberships(),

  async "people/create-grant"(caller, { input }) {
    requireManage(caller, input.categoryId);
    return caller.vault.people.createGrant(input);
  },
  async "people/read-grant"(caller, { id }) {
    return visible(caller, await caller.vault.people.readGrant(id));
  },
  async "people/update-grant"(caller, { id, patch }) {
    requireManage(caller, (await caller.vault.people.readGrant(id)).categoryId);
    if (patch.categoryId !== undefined) requireManage(caller, patch.categoryId);
    return caller.vault.people.updateGrant(id, patch);
  },
  "people/delete-grant": (caller, { id, proof }) =>
    unlessGone(caller.vault.people.readGrant(id), async ({ categoryId }) => {
      requireManage(caller, categoryId);
      await caller.vault.people.deleteGrant(id, proof);
    }),
  async "people/find-grant"(caller, { categoryId, principalId }) {
    const found = await caller.vault.people.findGrant(categoryId, principalId);
    return found && visible(caller, found);
  },
  "people/list-grants": (caller) => only(caller.vault.people.listGrants(), (grant) => isVisible(caller, grant)),
  "people/find-owned": ({ vault }, { kind, ownerKey }) => vault.people.findOwned(kind, ownerKey),
};

function isVisible({ rights, principal }: Caller, { categoryId, principalId }: Grant): boolean {
  return rights.mayManagePeople || rights.mayRead(categoryId) || principalId === principal.id;
}

function visible(caller: Caller, grant: Grant): Grant {
  if (isVisible(caller, grant)) return grant;
  throw forbidden(caller.principal.name, `see the grant ${grant.id}`);
}
