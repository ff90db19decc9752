import { CoffreError, type ErrorCode } from "../../core/errors.js";
import { formatAddress } from "../common/address.js";
import { usesTls } from "../common/tls.js";
import type { Look, TargetSpec } from "../port.js";
import { type Facts, type OwnFacts, pluginsOf, type readGrants } from "./facts.js";
import { hostMatches, hostRank } from "./hosts.js";
import { quoteAccount, quoteName, showAccount } from "./names.js";
import { NATIVE_PASSWORD } from "./packets.js";
import type { MysqlTarget } from "./schema.js";

/** The first with `mysql.global_priv`. */
const OLDEST = { major: 10, minor: 4 };

/** Who is looked at, and for whom. */
export interface Scene {
  spec: TargetSpec;
  target: MysqlTarget;
  /** The address of this machine on the admin's connection. */
  localAddress: string | undefined;
}

type Stop = (code: ErrorCode, problem: string, hint: string) => never;

/** Decides by what the admin sees. @throws CoffreError as {@link TargetSession.look} promises */
export function judgeFacts(scene: Scene, facts: Facts, grants: ReturnType<typeof readGrants>): Look {
  const { spec, target } = scene;
  const { account, me } = facts;
  const named = { username: spec.username, host: target.accountHost };
  const name = `Account ${showAccount(named)} at ${formatAddress(spec.address)}`;
  const statement = quoteAccount(named);
  const stop = stopFor(spec);
  judgeServer(spec, facts);
  if (account === null) {
    if (target.account?.create !== true) {
      stop(
        "NOT_FOUND",
        `${name} doesn't exist`,
        "Create it, or declare account: { create: true }; if it has another host, declare that in accountHost.",
      );
    }
  } else {
    if (account.isLocked && !account.isDisabled) {
      stop(
        "TARGET_NOT_READY",
        `${name} is locked`,
        `Unlock it if that is meant: ALTER USER ${statement} ACCOUNT UNLOCK.`,
      );
    }
    judgePlugins(stop, name, account);
    if (account.tls !== null && account.tls > 1 && spec.verifyAddresses.length > 0) {
      stop(
        "NOT_VERIFIABLE",
        `${name} requires a certificate of its client (REQUIRE X509 or more), which Coffre can't show`,
        `Require TLS only (ALTER USER ${statement} REQUIRE SSL), or declare verify: "none" to do without a proof.`,
      );
    }
    if (account.tls === 1 && spec.verifyAddresses.some((address) => !usesTls(address, target))) {
      stop(
        "NOT_VERIFIABLE",
        `${name} requires TLS (REQUIRE SSL), which isn't used here`,
        "Declare tls.ca, tls.caFile or tls.fingerprint256.",
      );
    }
  }
  if (!grants.mayChange) {
    stop(
      "FORBIDDEN",
      `User ${me} may not ${account === null ? "create" : "change"} accounts at ${formatAddress(spec.address)}`,
      `Grant it the right: GRANT CREATE USER ON *.* TO ${quoteSeen(me)}.`,
    );
  }
  judgeRoles(stop, scene, facts, grants);
  if (spec.verifyAddresses.length > 0) judgeHosts(stop, scene, facts);
  return { accountExists: account !== null, notes: notesOn(facts) };
}

/** Decides by what an account sees that changes itself. @param creation what SHOW CREATE USER says of it */
export function judgeOwnFacts({ spec, target }: Scene, facts: OwnFacts, creation: string): Look {
  const stop = stopFor(spec);
  judgeServer(spec, facts);
  const wanted = `${spec.username}@${target.accountHost}`;
  if (facts.me !== wanted) {
    stop(
      "TARGET_NOT_READY",
      `The server at ${formatAddress(spec.address)} took the login for ${facts.me}, not for ${wanted}`,
      "Declare accountHost as the account has it, or remove the account that stands before it.",
    );
  }
  const [, plugins] = / IDENTIFIED (BY PASSWORD|VIA .*)/.exec(creation) ?? [];
  if (plugins !== "BY PASSWORD" && !/^VIA (mysql_native_password|unix_socket)( |$)/.test(plugins ?? "")) {
    stop("NOT_VERIFIABLE", `${spec.account} doesn't log in by ${NATIVE_PASSWORD}`, "Let it, or name an admin.");
  }
  return {
    accountExists: true,
    notes: ["The account changes its own password: a lost reply can't be repaired by an admin."],
  };
}

function stopFor({ account }: TargetSpec): Stop {
  return (code, problem, hint) => {
    throw new CoffreError(code, problem, { hint, details: { account } });
  };
}

function judgeServer(spec: TargetSpec, facts: OwnFacts): void {
  const stop = stopFor(spec);
  const server = `MariaDB at ${formatAddress(spec.address)}`;
  const [major = 0, minor = 0] = facts.version.split(".").map(Number);
  if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
    stop("TARGET_NOT_READY", `${server} is ${facts.version}; the oldest that Coffre knows is 10.4`, "Upgrade it.");
  }
  if (facts.me.endsWith("@")) {
    stop("TARGET_NOT_READY", `${server} lets everybody in (skip-grant-tables)`, "Start it without that option.");
  }
  if (facts.isReadOnly) {
    stop(
      "TARGET_NOT_READY",
      `${server} is read-only, as replicas are`,
      "Name the primary in host, and replicas in verifyHosts.",
    );
  }
  if (facts.refusesHashes) {
    stop(
      "TARGET_NOT_READY",
      `${server} refuses hashes: a password validation plugin is loaded, and strict_password_validation is on`,
      "Run SET GLOBAL strict_password_validation = OFF: Coffre never sends the password, so the plugin can't judge it; declare its rules as the category's passwordPolicy.",
    );
  }
}

function judgePlugins(stop: Stop, name: string, account: NonNullable<Facts["account"]>): void {
  const plugins = pluginsOf(account).map(({ plugin }) => plugin);
  const others = plugins.filter((plugin) => plugin !== NATIVE_PASSWORD && plugin !== "unix_socket");
  if (others.length === 0 && plugins.filter((plugin) => plugin === NATIVE_PASSWORD).length === 1) return;
  const hint = `Let it log in by ${NATIVE_PASSWORD} alone, or with unix_socket beside it: ALTER USER … IDENTIFIED VIA ${NATIVE_PASSWORD} USING 'invalid'.`;
  stop(
    "NOT_VERIFIABLE",
    `${name} logs in by ${plugins.join(" or ")}: what is set there wouldn't be all that works`,
    hint,
  );
}

function judgeRoles(stop: Stop, { spec, target }: Scene, facts: Facts, grants: ReturnType<typeof readGrants>): void {
  const { memberOf = [], defaultRole } = target.account ?? {};
  for (const role of memberOf) {
    const found = facts.roles?.find(({ name }) => name === role);
    if (found === undefined) {
      stop(
        "TARGET_NOT_READY",
        `Role "${role}", which account.memberOf names, doesn't exist`,
        "Create it, or take it out of memberOf.",
      );
    } else if (!found.mayGrant && facts.account?.roles?.includes(role) !== true) {
      stop(
        "FORBIDDEN",
        `User ${facts.me} may not grant role "${role}" to "${spec.username}"`,
        `Grant it the right: GRANT ${quoteName(role)} TO ${quoteSeen(facts.me)} WITH ADMIN OPTION.`,
      );
    }
  }
  if (defaultRole === undefined || facts.account?.defaultRole === defaultRole || grants.mayChooseDefaultRoles) return;
  stop(
    "FORBIDDEN",
    `User ${facts.me} may not choose the default role of "${spec.username}"`,
    `Grant it the right, which is great: GRANT UPDATE ON mysql.* TO ${quoteSeen(facts.me)}; or leave out account.defaultRole.`,
  );
}

/** Whether a login from here would be taken for this account, as far as the admin's own login shows from where we come. */
function judgeHosts(stop: Stop, { spec, target, localAddress }: Scene, { seenAs, others }: Facts): void {
  const seen = seenAs.slice(seenAs.lastIndexOf("@") + 1);
  const isHere = (pattern: string) => [seen, localAddress ?? seen].some((host) => hostMatches(pattern, host));
  const name = showAccount({ username: spec.username, host: target.accountHost });
  // A name that the server has looked up says nothing of the address, by which an account may match too.
  if (!isHere(target.accountHost) && /^[\d.:]+$|^localhost$/.test(seen)) {
    stop(
      "NOT_VERIFIABLE",
      `Account ${name} may not log in from here: the server sees ${seen}`,
      'Run Coffre where the account may come from, or declare verify: "none" to do without a proof.',
    );
  }
  const rank = hostRank(target.accountHost);
  const before = (others ?? []).find(({ host }) => isHere(host) && hostRank(host) > rank);
  if (before === undefined) return;
  const shown = showAccount({ username: before.user, host: before.host });
  stop(
    "NOT_VERIFIABLE",
    `A login as "${spec.username}" from ${seen} would be taken for ${shown}, not for ${name}`,
    before.user === ""
      ? `Drop the anonymous account: DROP USER ${quoteAccount({ username: "", host: before.host })}.`
      : "Declare its host in accountHost, or drop it.",
  );
}

function quoteSeen(me: string): string {
  const at = me.lastIndexOf("@");
  return quoteAccount({ username: me.slice(0, at), host: me.slice(at + 1) });
}

function notesOn({ account, replicates }: Facts): string[] {
  const notes: string[] = [];
  if (replicates) notes.push("The server takes changes from another one: what is set here isn't set there.");
  if (account?.isDisabled) {
    notes.push("Coffre disabled the account when its credential was deleted; it may log in again after the set.");
  }
  if (account?.isExpired) notes.push("The account's password was marked as expired; the set takes that back.");
  return notes;
}
