import { CoffreError, type ErrorCode } from "../../core/errors.js";
import type { Look, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { type Facts, mayChange, mayGrant } from "./facts.js";
import { hasMark } from "./role-marks.js";
import type { PostgresTarget } from "./schema.js";

const OLDEST_VERSION = 100_000; // the first with SCRAM
const SOON_MS = 30 * 86_400_000;

/** Decides by what the admin sees. @throws CoffreError as {@link TargetSession.look} promises */
export function judgeFacts(spec: TargetSpec, target: PostgresTarget, facts: Facts): Look {
  const { account, me } = facts;
  const role = `Role "${spec.username}" at ${formatAddress(spec.address)}`;
  const stop = stopAt(spec);
  if (facts.version < OLDEST_VERSION) {
    stop(
      "NOT_VERIFIABLE",
      `PostgreSQL at ${formatAddress(spec.address)} is older than version 10 and has no SCRAM`,
      "Upgrade it.",
    );
  }
  if (facts.isStandby) {
    stop(
      "TARGET_NOT_READY",
      `PostgreSQL at ${formatAddress(spec.address)} is a standby: it can't be changed`,
      "Name the primary in host, and replicas in verifyHosts.",
    );
  }
  if (facts.isReadOnly) {
    stop(
      "TARGET_NOT_READY",
      `PostgreSQL at ${formatAddress(spec.address)} is read-only for role "${me.name}"`,
      "Turn default_transaction_read_only off for it.",
    );
  }
  if (spec.actsAs !== undefined) judgeGroup(spec, target, facts);
  if (account === null) {
    if (spec.actsAs === undefined && target.account?.create !== true) {
      stop("NOT_FOUND", `${role} doesn't exist`, "Create it, or declare account: { create: true }.");
    }
    if (!me.isSuperuser && !me.mayCreateRoles) {
      stop(
        "FORBIDDEN",
        `${role} doesn't exist, and role "${me.name}" may not create it`,
        `Grant it the right: ALTER ROLE "${me.name}" CREATEROLE.`,
      );
    }
  } else {
    if (!account.mayLogIn && !hasMark(account.comment, "disabled")) {
      stop(
        "TARGET_NOT_READY",
        `${role} may not log in (NOLOGIN)`,
        `Allow it if that is meant: ALTER ROLE "${spec.username}" LOGIN.`,
      );
    }
    if (account.isExpired) {
      stop(
        "TARGET_NOT_READY",
        `${role} has expired (VALID UNTIL ${account.expiresAt ?? "the past"}): it would refuse every password`,
        `Extend it: ALTER ROLE "${spec.username}" VALID UNTIL 'infinity'.`,
      );
    }
    if (!mayChange(facts, spec.username)) {
      stop("FORBIDDEN", `${role} may not be changed by role "${me.name}"`, rightsHint(facts, spec.username));
    }
  }
  for (const group of facts.groups) {
    if (!group.exists) {
      stop(
        "TARGET_NOT_READY",
        `Role "${group.name}", which account.memberOf names, doesn't exist`,
        "Create it, or take it out of memberOf.",
      );
    }
    if (!group.isMember && !mayGrant(facts, group)) {
      stop(
        "FORBIDDEN",
        `Role "${me.name}" may not make "${spec.actsAs?.username ?? spec.username}" a member of "${group.name}"`,
        `Grant it the right: GRANT "${group.name}" TO "${me.name}" WITH ADMIN OPTION.`,
      );
    }
  }
  return { accountExists: account !== null, notes: notesOn(spec, facts) };
}

function stopAt({ account }: TargetSpec) {
  return (code: ErrorCode, problem: string, hint: string): never => {
    throw new CoffreError(code, problem, { hint, details: { account } });
  };
}

/**
 * The role that logins act as: it owns what they make and doesn't log in itself, except until a version from before
 * rotations overlapped has drained. A login of that name that nobody meant as one is left alone.
 */
function judgeGroup({ actsAs, ...spec }: TargetSpec, target: PostgresTarget, facts: Facts): void {
  const { group, logins, me } = facts;
  const stop = stopAt(spec);
  const name = actsAs?.username ?? "";
  const role = `Role "${name}" at ${formatAddress(spec.address)}, whose logins take turns,`;
  if (group === null) {
    if (target.account?.create !== true)
      stop("NOT_FOUND", `${role} doesn't exist`, "Create it, or declare account: { create: true }.");
    if (!me.isSuperuser && !me.mayCreateRoles) {
      const right = `Grant it the right: ALTER ROLE "${me.name}" CREATEROLE.`;
      stop("FORBIDDEN", `${role} doesn't exist, and role "${me.name}" may not create it`, right);
    }
  } else if (group.mayLogIn && actsAs?.mayLogIn !== true) {
    stop(
      "TARGET_NOT_READY",
      `${role} may log in itself, with a password that no version in force is`,
      `Take that away: ALTER ROLE "${name}" NOLOGIN. If applications use it, adopt its password first: rotate the credential once without overlap.`,
    );
  }
  for (const login of logins) {
    // One that Coffre made for this and nobody uses; another vault's is in use.
    if (login.isMember || (hasMark(login.comment, "made") && !login.mayLogIn)) continue;
    const first = group === null ? `CREATE ROLE "${name}" NOLOGIN; ` : "";
    stop(
      "TARGET_NOT_READY",
      `Role "${login.name}" at ${formatAddress(spec.address)} isn't a member of "${name}", for which it is to take turns`,
      `If it is meant for that: ${first}GRANT "${name}" TO "${login.name}". If it is another's, choose another username.`,
    );
  }
  const isMember = logins.some((login) => login.name === spec.username && login.isMember);
  if (group !== null && !isMember && !mayGrant(facts, group)) {
    stop(
      "FORBIDDEN",
      `Role "${me.name}" may not make "${spec.username}" a member of "${name}"`,
      `Grant it the right: GRANT "${name}" TO "${me.name}" WITH ADMIN OPTION.`,
    );
  }
}

function rightsHint({ account, version }: Facts, username: string): string {
  if (account?.isSuperuser === true) return "Only a superuser may change a superuser.";
  if (version >= 160_000) return `It needs CREATEROLE, and ADMIN OPTION on "${username}".`;
  return account?.isReplication === true
    ? "Only a superuser may change a role with REPLICATION."
    : "It needs CREATEROLE.";
}

function notesOn(spec: TargetSpec, { account }: Facts): string[] {
  if (account === null) return [];
  const notes: string[] = [];
  if (!account.mayLogIn)
    notes.push("Coffre disabled the role when its credential was deleted; it may log in again after the set.");
  const expiry = account.expiresAt === null ? Infinity : Date.parse(account.expiresAt);
  if (expiry - Date.now() < SOON_MS)
    notes.push(`The role expires at ${account.expiresAt ?? ""}, whatever its password.`);
  return spec.repeatable
    ? notes
    : [...notes, "The account changes its own password: a lost reply can't be repaired by an admin."];
}
