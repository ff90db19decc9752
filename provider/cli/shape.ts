import { dueAt, isDue, waitsUntil } from "../rotation/due.js";
import { referenceOf } from "../rotation/resolve-reference.js";
import {
  type Credential,
  type CredentialStatus,
  type Hook,
  usernameOf,
  type VaultIdentity,
  type VersionInfo,
} from "../vault/port.js";

/** A credential as `--json` shows it. Keys are a promise: none is renamed or removed, more may come. */
export interface CredentialShape {
  ref: string;
  idRef: string;
  id: string;
  path: string[];
  /** Of the current version. */
  username: string | null;
  url: string | null;
  description: string | null;
  tags: string[];
  status: CredentialStatus;
  /** `generated`: Coffre draws it. `brought`: people type it, or a program has it read from a file or a variable. */
  source: "generated" | "brought";
  /** Number of the current version. */
  currentVersion: number | null;
  /** Whether a login has proven it. */
  verified: boolean;
  /** When it became current, ISO 8601, UTC. */
  promotedAt: string | null;
  rotation: { everyDays: number; when: "scheduled" | "up" } | null;
  dueAt: string | null;
  due: boolean;
  /** When it is due and its window is closed: when that opens, ISO 8601, UTC. */
  opensAt: string | null;
  targets: { kind: string; account: string; adminId: string | null; accountMade: boolean }[];
  /** Logins of versions before, which go on working until that time, ISO 8601, UTC. */
  draining: { account: string; username: string; version: number; until: string }[];
  /** Accounts that are its targets no more and could not be ended yet. */
  leaving: string[];
  /** Who is told of new versions. */
  notify: Hook[];
  /** What they haven't been told yet, oldest first. */
  notices: { hook: string; version: number; at: string; tries: number; problem: string | null }[];
  /** Besides the password; `text` is `null` but for texts. Without a version it awaits its value. */
  fields: { name: string; type: string; text: string | null; version: number | null; changedAt: string | null }[];
  /** True if a Pulumi stack made it. */
  owned: boolean;
  attention: { reason: string; message: string; since: string; version: number | null; account: string | null } | null;
  createdAt: string;
  archivedAt: string | null;
}

export async function credentialShape(
  identity: VaultIdentity,
  credential: Credential,
  now: Date,
): Promise<CredentialShape> {
  const current = currentVersion(credential);
  const { attention } = credential.journal;
  return {
    ...referenceOf(identity, credential),
    id: credential.id,
    path: credential.path,
    username: usernameOf(credential) ?? null,
    url: credential.url ?? null,
    description: credential.description ?? null,
    tags: credential.tags,
    status: credential.status,
    source: credential.valueManagedBy === "coffre" ? "generated" : "brought",
    currentVersion: current?.number ?? null,
    verified: current?.verified ?? false,
    promotedAt: current?.promotedAt ?? null,
    rotation: credential.rotation ?? null,
    dueAt: dueAt(credential)?.toISOString() ?? null,
    due: isDue(credential, now),
    opensAt: (await waitsUntil(credential, now))?.toISOString() ?? null,
    targets: credential.targets.map(({ kind, account, adminId, accountMade }) => ({
      kind,
      account,
      adminId: adminId ?? null,
      accountMade,
    })),
    draining: (credential.journal.draining ?? []).map(({ account, username, version, until }) => ({
      account,
      username,
      version,
      until,
    })),
    leaving: credential.leaving.map(({ account }) => account),
    notify: credential.notify,
    notices: credential.notices.map(({ hook, version, at, tries, problem }) => ({
      hook,
      version,
      at,
      tries,
      problem: problem ?? null,
    })),
    fields: credential.fields.map(({ name, type, text, versions }) => {
      const version = versions.find(({ state }) => state === "current");
      return {
        name,
        type,
        text: text ?? null,
        version: version?.number ?? null,
        changedAt: version?.createdAt ?? null,
      };
    }),
    owned: credential.owned,
    attention: attention
      ? {
          reason: attention.reason,
          message: attention.message,
          since: attention.since,
          version: attention.version ?? null,
          account: attention.account ?? null,
        }
      : null,
    createdAt: credential.createdAt,
    archivedAt: credential.archivedAt ?? null,
  };
}

export function currentVersion({ versions }: Pick<Credential, "versions">): VersionInfo | undefined {
  return versions.find(({ state }) => state === "current");
}
