import type { CoffreError } from "../../core/errors.js";
import type { PasswordPolicy } from "../../core/policy.js";
import type { Secret } from "../../core/secret.js";
import type {
  CategoryNotice,
  Field,
  Held,
  Hook,
  Journal,
  LeavingTarget,
  LoginBooking,
  LoginOutcome,
  Notice,
  RotationPolicy,
  TargetRecord,
  VaultEvent,
  VaultIdentity,
  VersionInfo,
} from "../port.js";
import type { ReadBoxes, WriteBoxes } from "./box-rows.js";
import type { ReadOutbox, WriteOutbox } from "./outbox-rows.js";
import type { ReadPeople, WritePeople } from "./people-rows.js";

/**
 * What `RecordVault` asks of a storage: rows, a few lookups, transactions. A storage knows no rule of the vault beyond
 * its own integrity. Rows are plain JSON; what a storage answers is a copy that the caller may change.
 */
export interface Rows {
  /** Runs `work` on one consistent snapshot. `work` is synchronous and keeps nothing of `tx`. */
  read<T>(work: (tx: ReadRows) => T): Promise<T>;
  /** Runs `work` under the write lock: all of it is durable on return; if it throws, nothing happened. */
  write<T>(work: (tx: WriteRows) => T): Promise<T>;
  /**
   * 32 hex digits that only this vault computes: equal texts of one purpose, equal digests. Never of a value that a
   * vault guards. To be called inside `work`, or after a first transaction.
   */
  keyed(purpose: KeyedPurpose, text: string): string;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** `digest`: the port's. `mark`, `stack`, `token`: what a vault keeps of an {@link Owner}. */
export type KeyedPurpose = "digest" | "mark" | "stack" | "token";

export interface ReadRows {
  readonly people: ReadPeople;
  /** @throws NOT_SUPPORTED where the storage has none */
  readonly boxes: ReadBoxes;
  /** @throws NOT_SUPPORTED where the storage has none */
  readonly outbox: ReadOutbox;
  identity(): VaultIdentity;
  /** As the port's `hasHeads`, for one proof. */
  hasHead(proof: string): boolean;
  category(id: string): CategoryRow | undefined;
  /** The category of this name below the parent, by its id. */
  categoryNamed(parentId: string | null, name: string): string | undefined;
  categoriesMarked(mark: string): string[];
  /** Ids of the categories directly in this one, `null` for the root. */
  categoriesIn(parentId: string | null): string[];
  categories(): CategoryRow[];
  /** What stands directly in each of these, of those in which something does. */
  held(categoryIds: readonly string[]): Map<string, Held>;
  credential(id: string): CredentialRow | undefined;
  /** The same for those who only look: one object for everybody, never to be changed, and soon forgotten. */
  glimpse(id: string): Readonly<CredentialRow> | undefined;
  /** The live credential of this name in the category, by its id. */
  credentialNamed(categoryId: string | null, name: string): string | undefined;
  /** Live ones only. */
  credentialsMarked(mark: string): string[];
  /** Ids of the live or of the archived credentials; `stack` is the keyed digest. */
  credentials(filter: { archived: boolean; stack?: string }): string[];
  /** The live credential that has claimed the account, by its id. */
  accountOwner(account: string): string | undefined;
  /** Ids of the live credentials with this admin. */
  dependants(adminId: string): string[];
  /**
   * The values of many versions at once, in the order asked: `undefined` where there is none, and an error in the place
   * of one that can't be read.
   */
  values(wanted: readonly ValueKey[]): (Secret | CoffreError | undefined)[];
  booking(id: string): BookingRow | undefined;
  bookingsOf(by: { account: string } | { host: string }): BookingRow[];
  /** Events numbered above `after`, oldest first; at least one if there is any, and some more than `about` at most. */
  events(after: number, about: number): VaultEvent[];
}

export interface WriteRows extends ReadRows {
  readonly people: WritePeople;
  readonly boxes: WriteBoxes;
  readonly outbox: WriteOutbox;
  putCategory(row: CategoryRow): void;
  removeCategory(id: string): void;
  /** Also keeps the lookups by name, mark, stack, account and admin: those of a live row, none of an archived one. */
  putCredential(row: CredentialRow): void;
  /** With all its values. */
  removeCredential(row: CredentialRow): void;
  putValue(key: ValueKey, value: Secret): void;
  /** Missing where every value is kept for as long as its credential. */
  removeValue?: ((key: ValueKey) => void) | undefined;
  putBooking(row: BookingRow): void;
  removeBooking(id: string): void;
  /** Numbers the event and writes it with the rows that changed. */
  addEvent(event: Omit<VaultEvent, "seq">): void;
}

/** Keyed digests of an owner: see `Rows.keyed`. */
export interface OwnerRow {
  mark: string;
  stack: string;
  token: string;
  /** As it is: see `Owner.part`. */
  part?: string;
}

export interface CategoryRow {
  id: string;
  name: string;
  parentId: string | null;
  description?: string;
  policy?: PasswordPolicy;
  /** Missing where grants from above hold, which is usual. */
  inheritGrants?: false;
  /** Missing where editors may write, which is usual. */
  readOnly?: true;
  /** ISO 8601, UTC. Missing where it has no end. */
  expiresAt?: string;
  owner?: OwnerRow;
  /** Missing while there is nothing to tell. */
  notices?: CategoryNotice[];
}

export interface CredentialRow {
  id: string;
  name: string;
  /** Of an archived entry the category that it was in; it may be gone. */
  categoryId: string | null;
  username?: string;
  url?: string;
  description?: string;
  tags: string[];
  valueManagedBy: "coffre" | "external";
  rotation?: RotationPolicy;
  targets: TargetRecord[];
  /** Missing while there is none. */
  leaving?: LeavingTarget[];
  /** Missing where nobody is told. */
  notify?: Hook[];
  /** Missing while there is nothing to tell. */
  notices?: Notice[];
  /** Missing if it never had any. */
  fields?: FieldRow[];
  owner?: OwnerRow;
  versions: VersionInfo[];
  journal: Journal;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** Set while it is out of the tree, with the path that it had. */
  archived?: { at: string; path: string[]; supersededBy?: string };
  resolution?: string;
  resolvedAt?: string;
}

export interface FieldRow extends Field {
  /** Names the field where its values are, so that these show no name: `fd_` and random letters and digits. */
  id: string;
}

/** Where a value is. */
export interface ValueKey {
  credentialId: string;
  /** A field's id; `password` for the password. */
  field: string;
  version: number;
}

/** One login that was booked and isn't known to have succeeded. */
export interface BookingRow extends LoginBooking {
  /** The machine that logs in: hosts count refused logins by their source. */
  source: string;
  /** ISO 8601, UTC. */
  at: string;
  /** Missing while nobody has settled it. */
  outcome?: Extract<LoginOutcome, "refused" | "unanswered">;
  /** A later login on the account succeeded, so that an unknown outcome counts no more. */
  cleared?: true;
}
