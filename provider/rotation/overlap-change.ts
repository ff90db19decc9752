import { CoffreError } from "../core/errors.js";
import type { Credential, Login, TargetRecord } from "../vault/port.js";
import { driverFor, type RotationContext } from "./context.js";

/**
 * Refuses that rotations begin, or cease, to overlap
 * - while a version is on its way to the login that it was drawn for: nobody would end that login later;
 * - for a role that the current version was never for: it would be taken for one whose password is in the vault, and ended;
 * - without an admin, who alone can make the role log in again.
 * @throws CoffreError CONFLICT, INVALID_INPUT
 */
export function refuseChangeOfTurns(
  { drivers }: Pick<RotationContext, "drivers">,
  credential: Credential,
  { targets: next, username }: { targets: readonly TargetRecord[]; username: string | undefined },
): void {
  const { journal, path, targets } = credential;
  const name = path.join("/");
  const changed = changedTurns(targets, next);
  if (isOtherRole(credential, next)) {
    throw new CoffreError("CONFLICT", `Rotations of ${name} can't begin to overlap while its accounts change`, {
      hint: "One after the other: first its accounts without overlap; once they have a version, overlap.",
    });
  }
  if (changed.length === 0) return;
  const alone = changed.find(
    ({ kind, description }) => driverFor(drivers, kind).parse(description, username).admin.by === "self",
  );
  if (alone) {
    throw new CoffreError("INVALID_INPUT", `${alone.account} has no admin who could let it log in itself again`, {
      hint: "Give the target adminRef or admin. Once a version without overlap is in force, it can go.",
      details: { field: "overlap" },
    });
  }
  const { pending } = journal;
  if (!pending) return;
  throw new CoffreError(
    "CONFLICT",
    `Version ${pending.version} of ${name} is pending: overlap can't be changed under it`,
    {
      hint: "Finish it with `coffre resume` first, then run again.",
    },
  );
}

/** True if logins are to take turns for a role, and the current version is, or may still be, that of another account. */
function isOtherRole({ targets, versions, leaving }: Credential, next: readonly TargetRecord[]): boolean {
  const current = versions.find(({ state }) => state === "current");
  if (!current || current.username !== undefined || targets.length === 0) return false;
  const known = new Map(targets.map(({ account, logins }) => [account, logins !== undefined]));
  return next.some(
    ({ account, logins }) =>
      logins !== undefined && (!known.has(account) || (known.get(account) === false && leaving.length > 0)),
  );
}

/** What a change of overlap means for those who use the account, for a preview. */
export function overlapNotes({ targets, journal }: Credential, next: readonly TargetRecord[]): string[] {
  const changes = changedTurns(targets, next).map(({ account, logins }) =>
    logins
      ? `rotations of ${account} overlap from now on: the next version is for ${nameOf(logins[0])}; the role itself logs in until its time is over, and then only owns its objects`
      : `rotations of ${account} overlap no more: it logs in itself again, and the login of the version before until its time is over`,
  );
  const drains = (journal.draining ?? []).map(
    ({ account, version, until }) =>
      `${account} works with version ${version} until ${until}: no version is drawn for it before, unless \`coffre acknowledge\` says that nobody uses it`,
  );
  return [...changes, ...drains];
}

/** Targets that stay, and whose logins begin or cease to take turns. */
function changedTurns(before: readonly TargetRecord[], next: readonly TargetRecord[]): TargetRecord[] {
  const overlaps = new Map(before.map(({ account, logins }) => [account, logins !== undefined]));
  return next.filter(({ account, logins }) => overlaps.get(account) === (logins === undefined));
}

function nameOf(login: Login | undefined): string {
  return login?.account ?? "a login of its own";
}
