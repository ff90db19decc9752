import type { FieldType } from "../core/field.js";
import type { Hook } from "../core/hook.js";
import type { Secret } from "../core/secret.js";
import type { RotationWindow } from "../core/window.js";
import type { Owner, OwnerProof } from "./port.js";
import type { Journal } from "./port-rotation.js";

/** A target as the vault keeps it: enough to rotate without the program, and no secret in it. */
export interface TargetRecord {
  kind: string;
  /** Normalised `kind://user@host:port` of the account, the key of ownership and budget. */
  account: string;
  /** What the target's driver parses: host, port, TLS, references to admins, time limits. */
  description: Record<string, unknown>;
  /** Id of the credential that logs in as admin. */
  adminId?: string;
  /**
   * Logins that take turns, each version being for one of them, where rotations overlap. They are claimed beside
   * {@link account}, which is then the role that they act as.
   */
  logins?: Login[];
  /** True once Coffre created the account itself. */
  accountMade: boolean;
  /** What the target showed at its first use and is held to from then on, such as an SSH host key. */
  pin?: string;
}

/** An account under which applications log in. */
export interface Login {
  /** As the target spells it. */
  username: string;
  account: string;
  /** Coffre created it. */
  made?: true;
}

/** A target that is declared no more, whose account hasn't been ended as its `onDelete` says. */
export interface LeavingTarget extends TargetRecord {
  /** The credential's username at that time. */
  username?: string;
}

export interface RotationPolicy {
  /** Days between rotations, counted from the promotion of the current version. */
  everyDays: number;
  /** `scheduled`: `coffre rotate --due` does it, `up` only shows it. `up`: an `up` does it. */
  when: "scheduled" | "up";
  /** When a rotation that is due may begin. Default: always. */
  window?: RotationWindow;
}

/** News that a hook hasn't confirmed yet: booked in the write that made the version current. */
export interface Notice {
  /** `msg_…`; the same in each try. */
  id: string;
  /** Of whom: `hookName` of core. */
  hook: string;
  version: number;
  /** When the version became current, ISO 8601, UTC. */
  at: string;
  /** How often it was sent, in all runs. */
  tries: number;
  /** When the last run tried, and what went wrong. */
  triedAt?: string;
  problem?: string;
}

/** What became of a notice. `forgotten`: a person gave it up. */
export type NoticeOutcome =
  | { id: string; outcome: "delivered" | "forgotten" }
  /** `tries`: of this run. */
  | { id: string; outcome: "failed"; tries: number; problem: string };

export interface CredentialInput {
  name: string;
  categoryId: string | null;
  username?: string;
  url?: string;
  description?: string;
  tags?: string[];
  valueManagedBy?: "coffre" | "external";
  rotation?: RotationPolicy;
  targets?: TargetRecord[];
  /** Told of each version that becomes current. */
  notify?: Hook[];
  owner?: Owner;
  /** Version 1, current at once. */
  initial?: { value: Secret; causes: string[] };
  /** Fields that it has from the beginning. */
  fields?: readonly FieldChange[];
}

export interface CredentialPatch extends OwnerProof {
  name?: string;
  categoryId?: string | null;
  username?: string | null;
  url?: string | null;
  description?: string | null;
  tags?: string[];
  valueManagedBy?: "coffre" | "external";
  rotation?: RotationPolicy | null;
  /** What it leaves out of those before stays in {@link Credential.leaving} until somebody has `ended` it. */
  targets?: TargetRecord[];
  /** One that it adds is told of the version in force; what one that it leaves out wasn't told is forgotten. */
  notify?: Hook[];
  /** What became of notices. Those that are there no more are left out. */
  notices?: NoticeOutcome[];
  /** Accounts among those leaving that were ended, or are to be left as they are. */
  ended?: string[];
  owner?: Owner;
  /** In this order; one field may be named several times. */
  fields?: readonly FieldChange[];
  /** What the caller has seen: a key that is here and is another by now makes it a CONFLICT. `null`: there was none. */
  expected?: { username?: string | null; url?: string | null; description?: string | null; tags?: readonly string[] };
}

/**
 * A change of one field. `expected` is the number of the current version that the caller has seen, 0 for none: a field
 * that has another by now makes the whole change a CONFLICT.
 */
export type FieldChange =
  /**
   * A new version, current at once; the field is made if there is none. `cause` says why, as a password's version has it.
   * A text that is the current one already changes nothing. @throws CONFLICT if the field is of another type
   */
  | { change: "put"; name: string; type: FieldType; value: Secret; cause: string; expected?: number }
  /**
   * The field is there and of this type, with or without a value. One of another type keeps its versions as earlier ones
   * and awaits a value.
   */
  | { change: "declare"; name: string; type: FieldType }
  /** Takes it out of sight; its versions stay, readable by number, and go on if it comes back. Gone is a success. */
  | { change: "remove"; name: string; expected?: number };

/** A field of a credential besides its password. */
export interface Field {
  /** By `checkFieldName`; unique in its credential. */
  name: string;
  type: FieldType;
  /** The current version's text, of a text field that has one. The other types show no value. */
  text?: string;
  /** Oldest first. Without a current one the field awaits its value. */
  versions: FieldVersion[];
  /** ISO 8601, UTC. */
  createdAt: string;
  /** Set while it is out of sight. */
  removedAt?: string;
}

export interface FieldVersion {
  /** From 1, never used twice. */
  number: number;
  state: "current" | "previous";
  /** What it holds; another than the field's if that was declared anew. */
  type: FieldType;
  /** Why it exists: a keyed digest or a command's id. */
  cause: string;
  /** ISO 8601, UTC. */
  createdAt: string;
}

/**
 * `current`: the newest version works. `rotating`: a version is pending. `needs-attention`: a person must decide.
 * `awaiting-value`: nobody has given a value yet. `awaiting-rotation`: Coffre hasn't drawn its first one yet, since no target
 * was ready or a run was cut off; nothing was changed anywhere. `archived`: out of the tree.
 */
export type CredentialStatus =
  "current" | "rotating" | "needs-attention" | "awaiting-value" | "awaiting-rotation" | "archived";

export interface Credential {
  id: string;
  name: string;
  categoryId: string | null;
  /** Names of the categories and, last, its own; of an archived entry the path it had. */
  path: string[];
  username?: string;
  url?: string;
  description?: string;
  tags: string[];
  valueManagedBy: "coffre" | "external";
  rotation?: RotationPolicy;
  targets: TargetRecord[];
  /** Accounts that still have to be ended; they may belong to another credential by now. */
  leaving: LeavingTarget[];
  notify: Hook[];
  /** What hooks haven't confirmed, oldest first. */
  notices: Notice[];
  /** In the order in which they were made. */
  fields: Field[];
  /** Those that were removed. */
  removedFields: Field[];
  owned: boolean;
  /** Whether the token is the one that the entry carries. Asks the vault: the entry never shows its token. */
  hasToken(token: string): Promise<boolean>;
  versions: VersionInfo[];
  journal: Journal;
  status: CredentialStatus;
  /** ISO 8601, UTC. */
  createdAt: string;
  archivedAt?: string;
  /** The credential whose first set replaced this one's value, which is why it is archived. */
  supersededBy?: string;
  /** Set by `coffre resolve` after a rollback; a state that hasn't seen this id accepts the older vault. */
  resolution?: string;
  /** When that was, ISO 8601, UTC. */
  resolvedAt?: string;
}

export interface VersionInfo {
  /** From 1, never used twice. */
  number: number;
  state: "pending" | "current" | "previous" | "discarded";
  /** Why it exists: keyed digests and dates, `protocol.md` section 1. */
  causes: string[];
  /** The login that it is for, where logins take turns. Default: the credential's username. */
  username?: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  promotedAt?: string;
  /** True once every target proved it; false for `verify: "none"` and for entries without a target. */
  verified: boolean;
  discardReason?: string;
  /** When the vault took its value away, which nobody needs any more. ISO 8601, UTC. */
  valueRemovedAt?: string;
}
