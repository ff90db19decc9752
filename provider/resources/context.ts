import { setImmediate } from "node:timers/promises";
import type { RotationContext } from "../rotation/context.js";
import type {
  Category,
  Credential,
  DropBox,
  Grant,
  Membership,
  Principal,
  Transfer,
  Vault,
  VaultIdentity,
} from "../vault/port.js";

/** What the handlers of all resources work with. One a process and configuration. */
export interface ResourceContext {
  readonly vault: Vault;
  readonly rotation: RotationContext;
  /** `organization/project/stack`, with `coffre:owner` before it if that is set. */
  readonly stack: string;
  /** Names of the category under which this stack's own root lies (`coffre:rootCategory`); empty for the vault's root. */
  readonly rootCategory: readonly string[];
  /** Where people reach the pages of this vault, without a slash at its end; `undefined` where only `coffre serve` itself would know. */
  readonly pagesOrigin: string | undefined;
  /** `coffre:rotateDue`: an `up` also rotates what is due on schedule. */
  readonly rotateDue: boolean;
  /** `coffre:previewReads`: whether `check` and `diff` ask the vault. */
  readonly previewReads: boolean;
  /** `coffre:verifyOnRefresh`: a refresh logs in to targets, to find what was changed behind Coffre's back. */
  readonly verifyOnRefresh: boolean;
  /** `coffre:onDrift`: what an `up` does about that. */
  readonly onDrift: "mend" | "report";
  /** What the vault holds, asked for once a run, so that an unchanged `up` costs a few requests and not one a resource. */
  readonly overview: Overview;
  /** Accounts that this run's resources have declared, with the owner key of the first that did. */
  readonly declaredAccounts: Map<string, string>;
  /** Grants and memberships that this run's resources have declared, by kind and pair. */
  readonly declaredPairs: Map<string, DeclaredPair>;
  /**
   * A vault besides `vault`, by its URL or by the name that `vaults:` gives it; opened once, and closed with the process.
   * @param keys files with its own key or token @throws CoffreError CONFIGURATION, VAULT_MISSING, WRONG_KEY, …
   */
  openOther(where: string, keys: OtherKeys): Promise<Vault>;
  /** Tells the user something that is no error. */
  notify(message: string): void;
}

/** Files that a resource names for a vault of its own. */
export type OtherKeys = Partial<Record<"keyFile" | "passphraseFile" | "tokenFile", string>>;

/** Two ids that a resource brings together: a grant's category and principal, or a membership's group and member. */
export interface DeclaredPair {
  /** Of the first resource that declared it. */
  ownerKey: string;
  noun: string;
  pair: readonly [string, string];
}

/** Users, groups, memberships and grants by id. */
export interface PeopleOverview {
  principals: ReadonlyMap<string, Principal>;
  memberships: ReadonlyMap<string, Membership>;
  grants: ReadonlyMap<string, Grant>;
}

/** The vault as it was when a run first asked. Used by `diff` and `check` only; what changes something reads afresh. */
export class Overview {
  readonly #vault: Vault;
  readonly #stack: string;
  #identity: Promise<VaultIdentity> | undefined;
  #heads: { proofs: string[]; answers: Promise<boolean[]> } | undefined;
  #credentials: Promise<Map<string, Credential>> | undefined;
  #everything: Promise<Map<string, Credential>> | undefined;
  #categories: Promise<Map<string, Category>> | undefined;
  #people: Promise<PeopleOverview> | undefined;
  #boxes: Promise<Map<string, DropBox>> | undefined;
  #transfers: Promise<Map<string, Transfer>> | undefined;

  constructor(vault: Vault, stack: string) {
    this.#vault = vault;
    this.#stack = stack;
  }

  identity(): Promise<VaultIdentity> {
    return (this.#identity ??= this.#vault.identity());
  }

  /** Whether this was once the newest event's proof; the questions of one moment go in one request. */
  hasHead(proof: string): Promise<boolean> {
    if (!this.#heads) {
      const proofs: string[] = [];
      const answers = setImmediate().then(() => {
        this.#heads = undefined;
        return this.#vault.hasHeads(proofs);
      });
      this.#heads = { proofs, answers };
    }
    const index = this.#heads.proofs.push(proof) - 1;
    return this.#heads.answers.then((answers) => answers[index] === true);
  }

  /** This stack's live credentials by id, in one request. */
  credentials(): Promise<Map<string, Credential>> {
    return (this.#credentials ??= byId(this.#vault.listCredentials({ stack: this.#stack })));
  }

  /** All live categories by id, in one request. */
  categories(): Promise<Map<string, Category>> {
    return (this.#categories ??= byId(this.#vault.listCategories()));
  }

  /** Everybody's live credentials by id, in one request: for what touches other stacks. */
  everything(): Promise<Map<string, Credential>> {
    return (this.#everything ??= byId(this.#vault.listCredentials()));
  }

  /** All users, groups, memberships and grants, in three requests. */
  people(): Promise<PeopleOverview> {
    return (this.#people ??= this.#readPeople());
  }

  async #readPeople(): Promise<PeopleOverview> {
    const { people } = this.#vault;
    const [principals, memberships, grants] = await Promise.all([
      byId(people.listPrincipals()),
      byId(people.listMemberships()),
      byId(people.listGrants()),
    ]);
    return { principals, memberships, grants };
  }

  /** All live drop-boxes by id, in one request. */
  boxes(): Promise<Map<string, DropBox>> {
    return (this.#boxes ??= byId(this.#vault.boxes.listBoxes()));
  }

  /** All live transfers by id, in one request. */
  transfers(): Promise<Map<string, Transfer>> {
    return (this.#transfers ??= byId(this.#vault.boxes.transfers.list()));
  }

  /** After a change of a category, which changes the paths of all that is below, or of a principal, which takes its grants along. */
  forget(): void {
    this.#credentials = undefined;
    this.#everything = undefined;
    this.#categories = undefined;
    this.#people = undefined;
    this.#boxes = undefined;
    this.#transfers = undefined;
  }
}

async function byId<Item extends { id: string }>(items: AsyncIterable<Item>): Promise<Map<string, Item>> {
  const found = new Map<string, Item>();
  for await (const item of items) found.set(item.id, item);
  return found;
}
