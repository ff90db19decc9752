import { CoffreError } from "../../core/errors.js";
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
import type { VaultContext } from "./context.js";
import { createGrant, deleteGrant, requireGrant, updateGrant, viewGrant } from "./grants.js";
import {
  createMembership,
  deleteMembership,
  requireMembership,
  updateMembership,
  viewMembership,
} from "./memberships.js";
import type { Keyed } from "./owner.js";
import {
  createPrincipal,
  deletePrincipal,
  listPrincipals,
  requirePrincipal,
  updatePrincipal,
  viewPrincipal,
} from "./principals.js";
import type { Rows } from "./rows.js";

/** The people of a vault that keeps records of its own: every rule of the port, over a storage of rows. */
export class RecordPeople implements People {
  readonly #rows: Rows;
  readonly #context: VaultContext;
  readonly #keyed: Keyed;

  constructor(rows: Rows, context: VaultContext, keyed: Keyed) {
    this.#rows = rows;
    this.#context = context;
    this.#keyed = keyed;
  }

  createPrincipal(input: PrincipalInput): Promise<Principal> {
    return this.#rows.write((tx) => createPrincipal(tx, this.#context, this.#keyed, input));
  }

  readPrincipal(id: string): Promise<Principal> {
    return this.#rows.read((tx) => viewPrincipal(requirePrincipal(tx, id)));
  }

  updatePrincipal(id: string, patch: PrincipalPatch): Promise<Principal> {
    return this.#rows.write((tx) => updatePrincipal(tx, this.#context, this.#keyed, id, patch));
  }

  deletePrincipal(id: string, proof: OwnerProof): Promise<void> {
    return this.#rows.write((tx) => deletePrincipal(tx, this.#context, this.#keyed, id, proof));
  }

  findPrincipal(kind: PrincipalKind, name: string): Promise<Principal | undefined> {
    return this.#rows.read((tx) => {
      const id = tx.people.principalNamed(kind, name.normalize("NFC"));
      return id === undefined ? undefined : viewPrincipal(requirePrincipal(tx, id));
    });
  }

  async *listPrincipals(): AsyncIterable<Principal> {
    yield* await this.#rows.read(listPrincipals);
  }

  createMembership(input: MembershipInput): Promise<Membership> {
    return this.#rows.write((tx) => createMembership(tx, this.#context, this.#keyed, input));
  }

  readMembership(id: string): Promise<Membership> {
    return this.#rows.read((tx) => viewMembership(requireMembership(tx, id)));
  }

  updateMembership(id: string, patch: MembershipPatch): Promise<Membership> {
    return this.#rows.write((tx) => updateMembership(tx, this.#context, this.#keyed, id, patch));
  }

  deleteMembership(id: string, proof: OwnerProof): Promise<void> {
    return this.#rows.write((tx) => deleteMembership(tx, this.#context, this.#keyed, id, proof));
  }

  findMembership(groupId: string, memberId: string): Promise<Membership | undefined> {
    return this.#rows.read((tx) => {
      const id = tx.people.membershipOf(groupId, memberId);
      return id === undefined ? undefined : viewMembership(requireMembership(tx, id));
    });
  }

  async *listMemberships(): AsyncIterable<Membership> {
    yield* await this.#rows.read((tx) => tx.people.memberships().map(viewMembership));
  }

  createGrant(input: GrantInput): Promise<Grant> {
    return this.#rows.write((tx) => createGrant(tx, this.#context, this.#keyed, input));
  }

  readGrant(id: string): Promise<Grant> {
    return this.#rows.read((tx) => viewGrant(requireGrant(tx, id)));
  }

  updateGrant(id: string, patch: GrantPatch): Promise<Grant> {
    return this.#rows.write((tx) => updateGrant(tx, this.#context, this.#keyed, id, patch));
  }

  deleteGrant(id: string, proof: OwnerProof): Promise<void> {
    return this.#rows.write((tx) => deleteGrant(tx, this.#context, this.#keyed, id, proof));
  }

  findGrant(categoryId: string | null, principalId: string): Promise<Grant | undefined> {
    return this.#rows.read((tx) => {
      const id = tx.people.grantOf(categoryId, principalId);
      return id === undefined ? undefined : viewGrant(requireGrant(tx, id));
    });
  }

  async *listGrants(): AsyncIterable<Grant> {
    yield* await this.#rows.read((tx) => tx.people.grants().map(viewGrant));
  }

  findOwned(kind: OwnedPeople, ownerKey: string): Promise<string | undefined> {
    return this.#rows.read((tx) => {
      const [first, second] = tx.people.marked(kind, this.#keyed("mark", ownerKey));
      if (second === undefined) return first;
      throw new CoffreError("CONFLICT", `Two of them carry the mark of ${ownerKey}: ${first} and ${second}`, {
        hint: "Delete one of them, or adopt it under another name.",
      });
    });
  }
}
