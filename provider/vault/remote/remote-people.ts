import type {
  Grant,
  GrantInput,
  GrantPatch,
  Membership,
  MembershipInput,
  MembershipPatch,
  OwnedPeople,
  OwnerProof,
  People,
  Principal,
  PrincipalInput,
  PrincipalKind,
  PrincipalPatch,
} from "../port.js";
import type { RemoteClient } from "./client.js";

/** Users, groups and grants of a vault behind a server. */
export class RemotePeople implements People {
  readonly #client: RemoteClient;

  constructor(client: RemoteClient) {
    this.#client = client;
  }

  createPrincipal(input: PrincipalInput): Promise<Principal> {
    return this.#client.change("people/create-principal", { input });
  }

  readPrincipal(id: string): Promise<Principal> {
    return this.#client.ask("people/read-principal", { id });
  }

  updatePrincipal(id: string, patch: PrincipalPatch): Promise<Principal> {
    return this.#client.change("people/update-principal", { id, patch });
  }

  deletePrincipal(id: string, proof: OwnerProof): Promise<void> {
    return this.#client.change("people/delete-principal", { id, proof });
  }

  findPrincipal(kind: PrincipalKind, name: string): Promise<Principal | undefined> {
    return this.#client.ask("people/find-principal", { kind, name });
  }

  listPrincipals(): AsyncIterable<Principal> {
    return this.#client.list("people/list-principals", {});
  }

  createMembership(input: MembershipInput): Promise<Membership> {
    return this.#client.change("people/create-membership", { input });
  }

  readMembership(id: string): Promise<Membership> {
    return this.#client.ask("people/read-membership", { id });
  }

  updateMembership(id: string, patch: MembershipPatch): Promise<Membership> {
    return this.#client.change("people/update-membership", { id, patch });
  }

  deleteMembership(id: string, proof: OwnerProof): Promise<void> {
    return this.#client.change("people/delete-membership", { id, proof });
  }

  findMembership(groupId: string, memberId: string): Promise<Membership | undefined> {
    return this.#client.ask("people/find-membership", { groupId, memberId });
  }

  listMemberships(): AsyncIterable<Membership> {
    return this.#client.list("people/list-memberships", {});
  }

  createGrant(input: GrantInput): Promise<Grant> {
    return this.#client.change("people/create-grant", { input });
  }

  readGrant(id: string): Promise<Grant> {
    return this.#client.ask("people/read-grant", { id });
  }

  updateGrant(id: string, patch: GrantPatch): Promise<Grant> {
    return this.#client.change("people/update-grant", { id, patch });
  }

  deleteGrant(id: string, proof: OwnerProof): Promise<void> {
    return this.#client.change("people/delete-grant", { id, proof });
  }

  findGrant(categoryId: string | null, principalId: string): Promise<Grant | undefined> {
    return this.#client.ask("people/find-grant", { categoryId, principalId });
  }

  listGrants(): AsyncIterable<Grant> {
    return this.#client.list("people/list-grants", {});
  }

  findOwned(kind: OwnedPeople, ownerKey: string): Promise<string | undefined> {
    return this.#client.ask("people/find-owned", { kind, ownerKey });
  }
}
