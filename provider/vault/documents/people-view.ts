import type { OwnedPeople, PrincipalKind } from "../port.js";
import type { GrantRow, MembershipRow, PrincipalRow, WritePeople } from "../records/people-rows.js";
import type { Directory } from "./directory.js";
import type { DirectoryChange } from "./view.js";

/** Users, groups, memberships and grants of the directory: read from it, and changed so that it can be done again. */
export class PeopleView implements WritePeople {
  readonly #directory: (exact: boolean) => Directory;
  readonly #changes: DirectoryChange[];

  constructor(directory: (exact: boolean) => Directory, changes: DirectoryChange[]) {
    this.#directory = directory;
    this.#changes = changes;
  }

  principal(id: string): PrincipalRow | undefined {
    return this.#people.principal(id);
  }

  principalNamed(kind: PrincipalKind, name: string): string | undefined {
    return this.#people.principalNamed(kind, name);
  }

  principals(): PrincipalRow[] {
    return this.#people.principals();
  }

  membership(id: string): MembershipRow | undefined {
    return this.#people.membership(id);
  }

  membershipOf(groupId: string, memberId: string): string | undefined {
    return this.#people.membershipOf(groupId, memberId);
  }

  membershipsWith(principalId: string): string[] {
    return this.#people.membershipsWith(principalId);
  }

  memberships(): MembershipRow[] {
    return this.#people.memberships();
  }

  grant(id: string): GrantRow | undefined {
    return this.#people.grant(id);
  }

  grantOf(categoryId: string | null, principalId: string): string | undefined {
    return this.#people.grantOf(categoryId, principalId);
  }

  grantsTo(principalId: string): string[] {
    return this.#people.grantsTo(principalId);
  }

  grantsOn(categoryId: string): string[] {
    return this.#people.grantsOn(categoryId);
  }

  grants(): GrantRow[] {
    return this.#people.grants();
  }

  marked(kind: OwnedPeople, mark: string): string[] {
    return this.#people.marked(kind, mark);
  }

  putPrincipal(row: PrincipalRow): void {
    this.#change((people) => people.putPrincipal(row));
  }

  removePrincipal(id: string): void {
    this.#change((people) => people.removePrincipal(id));
  }

  putMembership(row: MembershipRow): void {
    this.#change((people) => people.putMembership(row));
  }

  removeMembership(id: string): void {
    this.#change((people) => people.removeMembership(id));
  }

  putGrant(row: GrantRow): void {
    this.#change((people) => people.putGrant(row));
  }

  removeGrant(id: string): void {
    this.#change((people) => people.removeGrant(id));
  }

  get #people(): WritePeople {
    return this.#directory(true).people;
  }

  #change(change: (people: WritePeople) => void): void {
    const made: DirectoryChange = ({ people }) => change(people);
    made(this.#directory(true));
    this.#changes.push(made);
  }
}
