import type { FieldType } from "../core/field.js";
import type { PasswordPolicy } from "../core/policy.js";
import type { Secret } from "../core/secret.js";
import type { Boxes } from "./port-boxes.js";
import type { People } from "./port-people.js";
import type { FoundValue, ValueQuery } from "./port-compare.js";
import type { Credential, CredentialInput, CredentialPatch, CredentialStatus } from "./port-credentials.js";
import type {
  Lease,
  LeaseGrant,
  LeaseRequest,
  LoginBooking,
  LoginOutcome,
  Resolution,
  RotationStep,
} from "./port-rotation.js";
import type { TreeChange, TreeQuery, VaultTree } from "./port-tree.js";

export { accountsOf, usernameOf } from "./port-accounts.js";
export { isOver, refuseDraining } from "./port-draining.js";
export type * from "./port-boxes.js";
export type * from "./port-compare.js";
export type * from "./port-credentials.js";
export type * from "./port-files.js";
export type * from "./port-outbox.js";
export type * from "./port-transfers.js";
export * from "./port-people.js";
export * from "./port-rotation.js";
export * from "./port-tree.js";
export type { CommandHook, Hook, HttpHook } from "../core/hook.js";

/**
 * The one interface that every vault answers.
 *
 * Errors that any method may throw: `UNREACHABLE`, `BAD_RESPONSE`, `FORBIDDEN`, `LOCKED`, `READ_ONLY`, `WRONG_KEY`,
 * `CORRUPT`, `DISK_FULL`. The others are named at the method. `NOT_FOUND` is the only one that means *gone*.
 * A method that returns has written durably; one that throws has written nothing.
 */
export interface Vault {
  readonly capabilities: Capabilities;

  /** Users, groups and grants. @throws NOT_SUPPORTED by every method where `capabilities.grants` is `none` */
  readonly people: People;

  /** Drop-boxes and what is in them. @throws NOT_SUPPORTED by every method where `capabilities.dropBoxes` is false */
  readonly boxes: Boxes;

  /** Who this vault is, and how far it has come. One cheap request. @throws VAULT_MISSING */
  identity(): Promise<VaultIdentity>;

  /**
   * For each proof that {@link VaultIdentity.headProof} gave, whether it is one of this vault's own past: a copy that was
   * older once has another past, however far it has come since. At least the first 16 digits of a proof are needed.
   */
  hasHeads(proofs: readonly string[]): Promise<boolean[]>;

  /** A digest of `text` under a key of the vault's own, 32 hex digits: equal texts, equal digests, in this vault only. */
  digest(text: string): Promise<string>;

  /** @throws CONFLICT if a live sibling has the name; NOT_FOUND if the parent is gone; INVALID_INPUT for a name or a time */
  createCategory(input: CategoryInput): Promise<Category>;
  /** @throws NOT_FOUND if there is no live category with this id */
  readCategory(id: string): Promise<Category>;
  /**
   * Changes what is given, also the parent (a move).
   * @throws NOT_FOUND; CONFLICT for a taken name, a loop, a foreign token; INVALID_INPUT for a name or a time
   */
  updateCategory(id: string, patch: CategoryPatch): Promise<Category>;
  /**
   * Removes an empty category; one that is gone is a success.
   * @throws CONFLICT if something stands in it, if somebody has a grant on it, or if the token isn't the owner's
   */
  deleteCategory(id: string, proof: OwnerProof): Promise<void>;
  /** All live categories, parents before children, siblings by name. */
  listCategories(): AsyncIterable<Category>;
  /** The live category at this path of names, `undefined` if there is none. @throws CONFLICT if there are two */
  findCategory(path: readonly string[]): Promise<Category | undefined>;
  /** Many categories and their grants, as of one moment, in no order. @throws NOT_FOUND if the category to look below is gone */
  readTree(query: TreeQuery): Promise<VaultTree>;
  /**
   * Many changes of categories and grants in one durable write, one after the other, all or none, with one event each.
   * @returns for each its id: what it made, changed or removed
   * @throws what the method of its name throws, for the first that is refused; INVALID_INPUT for a `made` that names no
   * earlier change which made a category
   */
  changeTree(changes: readonly TreeChange[]): Promise<string[]>;

  /**
   * Creates entries, all or none, with one event each. An entry with `initial` has a current version 1 at once: for
   * entries without a target. Accounts of targets are claimed in the same write.
   * @throws CONFLICT if a live sibling has the name, or another credential owns an account (its message names the first);
   * NOT_FOUND if a category is gone
   */
  createCredentials(inputs: readonly CredentialInput[]): Promise<Credential[]>;
  /** Archived entries are answered too (`archivedAt`). @throws NOT_FOUND */
  readCredential(id: string): Promise<Credential>;
  /**
   * Changes what is given, also the category (a move), all or nothing.
   * @throws NOT_FOUND; CONFLICT for a taken name or account, a foreign token, or what isn't as `expected`; INVALID_INPUT
   * for a field's name or value
   */
  updateCredential(id: string, patch: CredentialPatch): Promise<Credential>;
  /**
   * Takes the entry out of the tree and gives its accounts free; values and history stay, readable by id. Already
   * archived or gone is a success. @throws CONFLICT if the token isn't the owner's
   */
  archiveCredential(id: string, proof: ArchiveProof): Promise<void>;
  /**
   * Deletes entry, values and history. Gone already is a success.
   * @throws CONFLICT if the token isn't the owner's, if a version is pending, or if the entry is another's admin
   */
  deleteCredential(id: string, proof: OwnerProof): Promise<void>;
  /** Brings an archived entry back into `categoryId`. @throws NOT_FOUND; CONFLICT for a taken name or account */
  unarchiveCredential(id: string, categoryId: string | null): Promise<Credential>;
  /** The live credential at this path (its last segment is the name). @throws CONFLICT if there are two */
  findCredential(path: readonly string[]): Promise<Credential | undefined>;
  /** The entry or category, live only, that carries the mark of this owner key. */
  findOwned(kind: "credential" | "category", ownerKey: string): Promise<string | undefined>;
  /** Live entries, by path; `stack` cuts to the entries of that stack, `archived` answers the archived ones instead. */
  listCredentials(filter?: { stack?: string; archived?: boolean }): AsyncIterable<Credential>;
  /** Ids of the live credentials that have `credentialId` as the admin of a target. */
  listDependants(credentialId: string): Promise<string[]>;

  /**
   * Reads values in one request; the event of the read is durable before the answer, except that text fields, which are
   * no secrets, need none. Answers in the order asked; one that can't be answered is an error in its place, so that one
   * wrong reference doesn't hide the others.
   */
  readMany(requests: readonly ValueRequest[]): Promise<(ValueAnswer | Error)[]>;

  /**
   * Which texts are values of this vault that the caller may read: of all versions, archived entries and removed fields too,
   * text fields excepted. Values and what is computed of them stay in the vault; the event, which names the entries that were
   * found, is durable before the answer. A vault that can't compare by itself hasn't this method.
   * @throws INVALID_INPUT; NOT_SUPPORTED from a server whose vault hasn't it
   */
  findValues?(query: ValueQuery): Promise<FoundValue[]>;

  /**
   * The lease of one credential: one holder at a time. With `takeOver`, a lease of exactly that fencing number is
   * replaced though it hasn't expired: for a holder that is known to be dead. `steps` are recorded in the same write.
   * @throws LOCKED with `details.holder`, `details.fencing`, `details.expiresAt`; NOT_FOUND; CONFLICT if archived
   */
  acquireLease(id: string, request: LeaseRequest, steps?: readonly RotationStep[]): Promise<LeaseGrant>;
  /**
   * Records steps of a rotation, all or none, in one durable write, after checking that the lease is still the newest
   * (its fencing number). A step that the journal doesn't allow throws CONFLICT: see `journal.ts`.
   * @throws LOCKED if the lease was taken over or released; BUDGET_SPENT by a `book-login` step
   */
  record(lease: Lease, steps: readonly RotationStep[]): Promise<Credential>;

  /**
   * {@link acquireLease} with these steps, which are decided on what the caller has `seen`: if the entry is another by now
   * the lease alone is taken (`stepsWritten` false). Where a vault hasn't this method, the caller asks for one after the
   * other; it is one durable write in place of two. @throws as {@link acquireLease}
   */
  acquireAsSeen?(
    seen: Credential,
    request: LeaseRequest,
    steps: readonly RotationStep[],
  ): Promise<LeaseGrant & { stepsWritten: boolean }>;
  /**
   * Reads the value of a version from where it is kept, as {@link readMany} does, and records steps, in one durable write in
   * place of two. Only for vaults in the caller's own process, since it is the vault that compares.
   * @throws as {@link record}; BAD_RESPONSE if it isn't the `value` that the caller has: then nothing is recorded
   */
  recordReadBack?(
    lease: Lease,
    read: { version: number; value: Secret },
    steps: readonly RotationStep[],
  ): Promise<Credential>;

  /** Books one login outside a rotation (verify, an admin's connection). @throws BUDGET_SPENT with the time when it is free again */
  bookLogin(booking: LoginBooking): Promise<void>;
  /** Settles a booked login; `succeeded` clears the account's refused ones. */
  settleLogin(bookingId: string, outcome: LoginOutcome): Promise<void>;
  /** Forgets what the account has booked, when a person says so. */
  clearLogins(account: string): Promise<void>;

  /** A person's decision about a credential that needs attention, or that was rolled back. @throws NOT_FOUND */
  resolveCredential(id: string, decision: Resolution): Promise<Credential>;

  /** Events, oldest first. @throws NOT_SUPPORTED unless `capabilities.events` is `own` */
  listEvents(filter?: EventFilter): AsyncIterable<VaultEvent>;
  /** Ends connections and wipes keys from memory as far as the language allows. Safe to call twice. */
  close(): Promise<void>;
}

export interface Capabilities {
  /** Keeps more than the current value. */
  versions: boolean;
  /** Writes are compared and set; without it the pending entry is the lease (`protocol.md` 4). */
  compareAndSet: boolean;
  /**
   * What a grant is worth. `enforced`: nobody reads what no grant gives. `declared`: grants are kept and shown, but whoever
   * opens the vault reads all: a file. `none`: there are no grants here.
   */
  grants: "none" | "declared" | "enforced";
  /** Keeps drop-boxes, with the files that people deposit in them. */
  dropBoxes: boolean;
  /**
   * Who logs what was read and changed. `own`: the vault, and `listEvents`, head and proofs answer for it. `server`: the
   * server behind it, by its own means; `listEvents` is NOT_SUPPORTED, and the head never moves. `none`: nobody; the same.
   */
  events: "own" | "server" | "none";
  /** True if nothing can be changed through it: every write is READ_ONLY. Default false. */
  readOnly?: boolean;
}

export interface VaultIdentity {
  /** Random, for ever: another id at the same URL is another vault. */
  id: string;
  /** The name in references, chosen at `coffre vault init`. */
  name: string;
  /** 0 in a vault that was never restored; each restore raises it, to its own time in seconds at least. */
  restoreCounter: number;
  /** Number of the newest event; it never goes down in a vault that wasn't rolled back. */
  head: number;
  /** Proof of that event and of all before it, `<head>:<32 hex digits>`. Nobody without the vault's key can make one. */
  headProof: string;
}

/** Who made a resource: `protocol.md` section 6. */
export interface Owner {
  /** Where it was declared; the vault keeps only a keyed digest of it, the *mark*. */
  key: string;
  /** `organization/project/stack`, kept as a keyed digest too: finds all of one stack's entries in one request. */
  stack: string;
  /** Random, kept in state: proves that a state speaks of this very entry. */
  token: string;
  /** Of a resource with several categories: which of them this one is. Kept as it is; `readTree` answers it. */
  part?: string;
}

/** What a change must prove; a token of `undefined` is a person's, by the CLI, and is always taken. */
export interface OwnerProof {
  token?: string;
}

export interface ArchiveProof extends OwnerProof {
  /** The credential whose first set made this one's value useless: a machine's first password. It stays its stack's. */
  supersededBy?: string;
}

export interface CategoryInput {
  name: string;
  /** `null` is the root. */
  parentId: string | null;
  description?: string;
  policy?: PasswordPolicy;
  /** Default true. False: grants from above don't hold here and below; only those on it and below it do. */
  inheritGrants?: boolean;
  /** Default false. True: here and below only managers change something. Worth what a grant is worth (`capabilities.grants`). */
  readOnly?: boolean;
  /** From then on grants hold no more, here and below: only administrators get in. ISO 8601 with a zone. Default: never. */
  expiresAt?: string;
  owner?: Owner;
}

export interface CategoryPatch extends OwnerProof {
  name?: string;
  parentId?: string | null;
  description?: string | null;
  policy?: PasswordPolicy | null;
  inheritGrants?: boolean;
  readOnly?: boolean;
  expiresAt?: string | null;
  /** Writes a new owner: adoption, or a mark whose key changed. */
  owner?: Owner;
}

export interface Category {
  id: string;
  name: string;
  parentId: string | null;
  /** Names from the root down to this one. */
  path: string[];
  description?: string;
  /** Its own policy only. */
  policy?: PasswordPolicy;
  /** The policies that hold here, root first, its own last, each with the name of its category. */
  policies: { policy: PasswordPolicy; from: string }[];
  /** False if grants from above end here. */
  inheritGrants: boolean;
  /** Its own: one above it may be read-only too. */
  readOnly?: true;
  /** Its own end, ISO 8601, UTC: one above it may end sooner. */
  expiresAt?: string;
  /** True if a stack made it. */
  owned: boolean;
}

/** Exactly one value: `field` is the password unless named. Of a field there is no pending version. */
export interface ValueRequest {
  id?: string;
  /** The path, where the id isn't known. */
  path?: readonly string[];
  /** Default `password`. */
  field?: string;
  /** Default `current`. */
  version?: "current" | "previous" | "pending" | number;
}

export interface ValueAnswer {
  id: string;
  path: string[];
  username?: string;
  field: string;
  /** What the value is: a password is a `secret`. */
  type: FieldType;
  /** The number of the version that was read. */
  version: number;
  /** Of the credential. */
  status: CredentialStatus;
  /** Of a file its bytes, as `fileBytes` of core reads them; of one-time codes the seed. */
  value: Secret;
}

export interface EventFilter {
  /** Only events with a higher number. */
  after?: number;
  credentialId?: string;
  /** At most so many. */
  limit?: number;
}

export interface VaultEvent {
  /** From 1, without gaps. */
  seq: number;
  /** ISO 8601, UTC. */
  at: string;
  /** Operating-system user, host and front, for example `ana@runner-3 (cli)`. */
  actor: string;
  /** For example `credential.created`, `rotation.staged`, `rotation.set-started`, `credential.read`. */
  action: string;
  /** Ids of what it is about; a batch read names all. */
  ids: string[];
  version?: number;
  /** More facts, never a value. */
  detail?: string;
}
