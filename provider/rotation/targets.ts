import { CoffreError, isCoffreError } from "../core/errors.js";
import { PASSWORD_FIELD } from "../core/field.js";
import { parseReference } from "../core/reference.js";
import type { TargetDriver, TargetSpec } from "../target/port.js";
import { accountsOf, type Credential, type TargetRecord, type Vault } from "../vault/port.js";
import { driverFor, type RotationContext } from "./context.js";
import { resolveReference } from "./resolve-reference.js";

/** A target as a stack declares it: its kind, and what the kind's driver parses. */
export interface DeclaredTarget {
  kind: string;
  [property: string]: unknown;
}

/** Parses without asking anybody, for previews. @throws CoffreError INVALID_INPUT, NOT_SUPPORTED; CONFLICT for one account twice */
export function parseTargets(
  drivers: ReadonlyMap<string, TargetDriver>,
  targets: readonly DeclaredTarget[],
  username: string | undefined,
): TargetSpec[] {
  const specs = targets.map(({ kind, ...description }) => driverFor(drivers, kind).parse(description, username));
  const accounts = new Set<string>();
  for (const account of specs.flatMap(accountsOfSpec)) {
    if (accounts.has(account)) throw new CoffreError("CONFLICT", `Two targets name the account ${account}`);
    accounts.add(account);
  }
  refuseUnlike(specs);
  return specs;
}

/** A version is for one login, on all targets. */
function refuseUnlike(specs: readonly TargetSpec[]): void {
  const turns = new Set(specs.map(({ overlap }) => overlap?.logins.map(({ username }) => username).join(" ") ?? ""));
  if (turns.size <= 1) return;
  throw new CoffreError("INVALID_INPUT", "Some targets of the credential overlap their rotations, and others don't", {
    hint: 'Give all of them overlap: "alternating", or none; or make two credentials.',
    details: { field: "overlap" },
  });
}

/** Every account that a spec claims: its own, and the logins that take turns for it. */
export function accountsOfSpec({ account, overlap }: TargetSpec): string[] {
  return accountsOf({ account, logins: overlap?.logins });
}

/** What a rotation needs of a target: the record in the vault and its parsed form. */
export interface Target {
  record: TargetRecord;
  spec: TargetSpec;
}

/** The credential's targets; which login a version is for is told by `overlap.ts`. */
export function targetsOf(context: Pick<RotationContext, "drivers">, credential: Credential): Target[] {
  return credential.targets.map((record) => ({
    record,
    spec: {
      ...driverFor(context.drivers, record.kind).parse(record.description, credential.username),
      ...(record.pin === undefined ? {} : { pin: record.pin }),
    },
  }));
}

export interface TargetsInput {
  targets: readonly DeclaredTarget[];
  username: string | undefined;
  /** The credential that they are for, once it exists: it can't be its own admin's admin. */
  credentialId?: string;
  /** Its records before this change: who made an account is remembered. */
  before?: readonly TargetRecord[];
}

/**
 * Makes vault records of declared targets. Asks only the vault and changes nothing.
 * @throws as {@link parseTargets}; NOT_FOUND or WRONG_VAULT for an admin's reference; CONFLICT for a cycle of admins
 */
export async function prepareTargets(context: RotationContext, input: TargetsInput): Promise<TargetRecord[]> {
  const specs = parseTargets(context.drivers, input.targets, input.username);
  const records: TargetRecord[] = [];
  for (const spec of specs) {
    const adminId = await findAdmin(context.vault, spec, input.credentialId);
    records.push({
      kind: spec.kind,
      account: spec.account,
      description: spec.description,
      ...(spec.overlap ? { logins: spec.overlap.logins } : {}),
      ...(adminId === undefined ? {} : { adminId }),
      accountMade: input.before?.some(({ account, accountMade }) => account === spec.account && accountMade) ?? false,
    });
  }
  return records;
}

async function findAdmin(
  vault: Vault,
  spec: TargetSpec,
  credentialId: string | undefined,
): Promise<string | undefined> {
  if (spec.admin.by === "self" && spec.admin.initialRef !== undefined) {
    refuseField("initialRef", spec.admin.initialRef);
    // Once the first password is replaced its entry is archived, and no path leads to it any more.
    await resolveReference(vault, spec.admin.initialRef).catch((error: unknown) => {
      if (credentialId === undefined || !isCoffreError(error, "NOT_FOUND")) throw error;
    });
  }
  if (spec.admin.by !== "reference") return undefined;
  refuseField("adminRef", spec.admin.ref);
  const admin = await resolveReference(vault, spec.admin.ref);
  if (admin.archivedAt !== undefined) {
    throw new CoffreError("CONFLICT", `The admin ${admin.path.join("/")} is archived`, {
      hint: "Name a live credential as adminRef.",
    });
  }
  if (credentialId !== undefined) await refuseCycle(vault, credentialId, admin, [admin.path.join("/")]);
  return admin.id;
}

/** Logins are made with a credential's password in force: another value would be left unread, and the login refused. */
function refuseField(name: string, reference: string): void {
  const { field = PASSWORD_FIELD, version = "current" } = parseReference(reference);
  if (field === PASSWORD_FIELD && version === "current") return;
  throw new CoffreError(
    "INVALID_INPUT",
    `${name} names a ${version === "current" ? "field" : "version"} of a credential`,
    {
      hint: "Logins are made with the current password of a credential: name that one, without ?field=… and ?version=….",
    },
  );
}

/** Nobody could rotate a ring of admins: each would wait for the next. */
async function refuseCycle(vault: Vault, id: string, admin: Credential, way: string[]): Promise<void> {
  if (admin.id === id) {
    throw new CoffreError("CONFLICT", `Admins form a cycle: ${way.join(" -> ")} leads back to this credential`, {
      hint: "Let one of them log in by itself, or by another admin.",
    });
  }
  for (const { adminId } of admin.targets) {
    if (adminId === undefined) continue;
    const next = await vault.readCredential(adminId);
    const name = next.path.join("/");
    // A ring that doesn't hold this credential was refused when it was closed.
    if (!way.includes(name)) await refuseCycle(vault, id, next, [...way, name]);
  }
}
