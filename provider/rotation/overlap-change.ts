import { CoffreError } from "../core/errors.js";
import type { Credential, Login, TargetRecord } from "../vault/port.js";

/**
 * Refuses that rotations begin, or cease, to overlap while a version is on its way to the login that it was drawn for:
 * nobody would end that login later. @throws CoffreError CONFLICT
 */
export function refuseChangeMidway({ journal, path, targets }: Credential, next: readonly TargetRecord[]): void {
  const { pending } = journal;
  if (!pending || changedTurns(targets, next).length === 0) return;
  throw new CoffreError(
    "CONFLICT",
    `Version ${pending.version} of ${path.join("/")} is pending: overlap can't be changed under it`,
    { hint: "Finish it with `coffre resume` first, then run again." },
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
