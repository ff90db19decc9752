import { CoffreError } from "../core/errors.js";
import { DRAIN_SECONDS, type TargetSpec } from "../target/port.js";
import { accountsOf, type Credential, type Draining, isOver, type RotationStep } from "../vault/port.js";
import { driverFor, type RotationContext } from "./context.js";
import type { RunSessions } from "./login.js";
import type { LeasedCredential } from "./lease.js";
import { type Target, targetsOf } from "./targets.js";

/**
 * Rotations that overlap: each version is for the login whose turn it is, and the login of the version before goes on
 * working until its time is over, so that whoever holds that password is not cut off. Meanwhile both work and both are in
 * the vault. A target whose rotations don't overlap has one login for all versions.
 */

/** The login that the next version is for; `undefined` where none take turns. */
export function nextLogin({ versions, journal }: Credential, [first]: readonly Target[]): string | undefined {
  const logins = first?.spec.overlap?.logins.map(({ username }) => username) ?? [];
  const current = versions.find(({ state }) => state === "current")?.username;
  const others = logins.filter((login) => login !== current);
  // Both are others where overlap has ceased and begun again, and one of them may still be in use.
  return others.find((login) => !journal.draining?.some(({ username }) => username === login)) ?? others[0];
}

/** The login that a pending version is for, as the targets are by now. */
export function pendingLogin(credential: Credential, targets: readonly Target[], number: number): string | undefined {
  const drawnFor = credential.versions.find((version) => version.number === number)?.username;
  const stays = targets[0]?.spec.overlap?.logins.some(({ username }) => username === drawnFor);
  return stays === true ? drawnFor : nextLogin(credential, targets);
}

/** The targets as the login of one version sees them. Those that it isn't for are left out. */
export function targetsFor(
  context: RotationContext,
  credential: Credential,
  targets: readonly Target[],
  login: string | undefined,
): Target[] {
  return targets.flatMap((target) => {
    const spec = specFor(context, credential, target, login);
    return spec ? [{ ...target, spec }] : [];
  });
}

/** The targets as the login of the current version sees them. */
export function currentTargets(context: RotationContext, credential: Credential): Target[] {
  const current = credential.versions.find(({ state }) => state === "current");
  return targetsFor(context, credential, targetsOf(context, credential), current?.username);
}

/** @param login that of a version; `undefined` for one from before rotations overlapped */
export function specFor(
  context: Pick<RotationContext, "drivers">,
  credential: Credential,
  { record, spec }: Target,
  login: string | undefined,
): TargetSpec | undefined {
  const { overlap, ...plain } = spec;
  if (login === undefined) return plain;
  if (overlap === undefined) {
    const { description, pin } = record;
    return {
      ...driverFor(context.drivers, record.kind).parse(description, login),
      ...(pin === undefined ? {} : { pin }),
    };
  }
  const own = overlap.logins.find(({ username }) => username === login);
  if (!own) return undefined;
  const { username, account } = own;
  return { ...spec, username, account, actsAs: { username: spec.username, mayLogIn: logsInItself(credential, spec) } };
}

/** True while a version from before rotations overlapped works for the role itself. */
function logsInItself({ versions, journal }: Credential, { account }: TargetSpec): boolean {
  const drains = journal.draining?.some((login) => login.account === account) === true;
  return drains || versions.some(({ state, username }) => state === "current" && username === undefined);
}

/** What the promotion of a version leaves to drain: the logins of the version before, unless it is for the same. */
export function drainOf(
  context: RotationContext,
  credential: Credential,
  version: number,
): Pick<Extract<RotationStep, { step: "promote" }>, "drain"> {
  const before = credential.versions.find(({ state }) => state === "current");
  const next = credential.versions.find(({ number }) => number === version);
  if (!before || before.username === next?.username) return {};
  const { pending } = credential.journal;
  const drain = targetsOf(context, credential).flatMap((target) => {
    const spec = specFor(context, credential, target, before.username);
    const seconds = target.spec.overlap?.drainSeconds ?? DRAIN_SECONDS;
    // A login may have become the role, by another username: then it has the new version, and nothing of the one before.
    const hasNext = pending?.targets.some(({ account }) => account === spec?.account) === true;
    return spec && !hasNext
      ? [{ account: spec.account, username: spec.username, version: before.number, seconds }]
      : [];
  });
  return drain.length === 0 ? {} : { drain };
}

/** True if a login's time is over and nobody has ended it yet. */
export function isDrainDue({ journal, archivedAt }: Credential, now: Date): boolean {
  return archivedAt === undefined && journal.draining?.some((login) => isOver(login, now)) === true;
}

/**
 * Ends the logins whose time is over. Safe to repeat after a kill: what may be ended already is ended again.
 * @returns whether there was one. @throws CoffreError what logging in as admin and the target answer
 */
export async function endDrained(
  context: RotationContext,
  { leased, sessions }: { leased: LeasedCredential; sessions: RunSessions },
): Promise<boolean> {
  const over = leased.credential.journal.draining?.filter((login) => isOver(login, context.clock.now())) ?? [];
  for (const { account, username } of over) {
    const spec = await specOf(context, leased.credential, { account, username });
    const session = spec && (await sessions.for(spec, leased.credential));
    if (spec) await leased.ensureTime(spec.limits.setMs);
    await leased.record({ step: "drain-started", account });
    if (spec && session) {
      if (!session.endLogin) throw new CoffreError("NOT_SUPPORTED", `${spec.kind} has no logins that take turns`);
      await session.endLogin(spec);
    }
    await leased.record({ step: "drained", account });
  }
  return over.length > 0;
}

/** Nothing for a login that isn't ours to end: its target is declared no more, or it is another credential's by now. */
async function specOf(
  context: RotationContext,
  credential: Credential,
  { account, username }: Pick<Draining, "account" | "username">,
): Promise<TargetSpec | undefined> {
  for (const target of targetsOf(context, credential)) {
    const isRole = target.record.account === account;
    const spec = specFor(context, credential, target, isRole ? undefined : username);
    if (spec?.account !== account) continue;
    const isOurs = accountsOf(target.record).includes(account);
    return isOurs || !(await isTaken(context, credential, account)) ? spec : undefined;
  }
  return undefined;
}

/** The logins that take turns whose versions are in force, pending or draining: their passwords work until somebody ends them. */
export function loginsInForce(context: Pick<RotationContext, "drivers">, credential: Credential): TargetSpec[] {
  const { versions, journal } = credential;
  const inForce = versions.filter(({ state }) => state === "current" || state === "pending");
  const usernames = new Set([...inForce, ...(journal.draining ?? [])].flatMap(({ username }) => username ?? []));
  if (usernames.size === 0) return [];
  return targetsOf(context, credential).flatMap((target) =>
    [...usernames].flatMap((username) => specFor(context, credential, target, username) ?? []),
  );
}

/** Those that no target names any more, as when rotations have ceased to overlap. */
export function strayLogins(context: Pick<RotationContext, "drivers">, credential: Credential): TargetSpec[] {
  const named = new Set(credential.targets.flatMap(accountsOf));
  return loginsInForce(context, credential).filter(({ account }) => !named.has(account));
}

/** True if another credential has the account. */
export async function isTaken({ vault }: RotationContext, { id }: Credential, account: string): Promise<boolean> {
  for await (const other of vault.listCredentials()) {
    if (other.id !== id && other.targets.flatMap(accountsOf).includes(account)) return true;
  }
  return false;
}
