import { CoffreError, type ErrorCode } from "../../core/errors.js";
import type { Look, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { type Facts, isDisabledByCoffre } from "./facts.js";
import type { LinuxTarget } from "./schema.js";

const SOON_DAYS = 30;
const NO_LOGIN = /\/(nologin|false)$/;

/** Decides by what root sees. @throws CoffreError as {@link TargetSession.look} promises */
export function judgeFacts(spec: TargetSpec, target: LinuxTarget, facts: Facts): Look {
  const { account, root } = facts;
  const name = `Account "${spec.username}" at ${formatAddress(spec.address)}`;
  const stop = (code: ErrorCode, problem: string, hint: string): never => {
    throw new CoffreError(code, problem, { hint, details: { account: spec.account } });
  };
  const provable = spec.verifyAddresses.length > 0;
  if (account === undefined && target.account?.create !== true) {
    stop("NOT_FOUND", `${name} doesn't exist`, "Create it, or declare account: { create: true }.");
  }
  if (facts.missingGroups.length > 0) {
    const groups = facts.missingGroups.map((group) => `"${group}"`).join(", ");
    stop("TARGET_NOT_READY", `${name} is to be in ${groups}, which doesn't exist there`, "Create it with groupadd.");
  }
  if (facts.noSuchShell) {
    stop(
      "TARGET_NOT_READY",
      `${name} is to have the shell ${target.account?.shell ?? ""}, which can't be run there`,
      "Install it.",
    );
  }
  if (account !== undefined && !isDisabledByCoffre(account)) {
    if (account.password === "locked") {
      stop(
        "TARGET_NOT_READY",
        `${name} is locked`,
        `Somebody locked it (passwd -l). If it is to be used again: usermod --unlock ${spec.username}.`,
      );
    }
    if (account.expireDay !== undefined && account.expireDay <= facts.today) {
      stop(
        "TARGET_NOT_READY",
        `${name} has expired: it would refuse every password`,
        `Extend it: chage --expiredate -1 ${spec.username}.`,
      );
    }
  }
  if (account !== undefined && provable && !account.shellRuns && target.account?.shell === undefined) {
    stop(
      "TARGET_NOT_READY",
      `${name} has the shell ${account.shell}, which can't be run: sshd refuses it`,
      "Declare account.shell.",
    );
  }
  if (facts.closed && provable && account?.uid !== 0) {
    stop(
      "TARGET_NOT_READY",
      `${formatAddress(spec.address)} lets nobody but root in at the moment (nologin)`,
      "Wait until it is up, or remove /etc/nologin.",
    );
  }
  if (root !== undefined && provable && (root.permitted !== "yes" || !root.password)) {
    stop(
      "NOT_VERIFIABLE",
      `${name} can't prove a password: sshd says PermitRootLogin ${root.permitted}${root.password ? "" : ", and takes no passwords"}`,
      'Set PermitRootLogin yes, choose another account, or declare verify: "none" to do without a proof.',
    );
  }
  return { accountExists: account !== undefined, notes: account === undefined ? [] : notesOn(account, facts, target) };
}

function notesOn(account: NonNullable<Facts["account"]>, facts: Facts, target: LinuxTarget): string[] {
  if (isDisabledByCoffre(account)) {
    return ["Coffre disabled the account when its credential was deleted; it may log in again after the set."];
  }
  const notes: string[] = [];
  if (account.password === "none") notes.push("The account had no password so far, only keys if anything.");
  if (account.password === "empty") notes.push("The account had an empty password.");
  if (account.changedDay === 0)
    notes.push("The account had to change its password at the next login; the set settles that.");
  if (NO_LOGIN.test(account.shell) && target.account?.shell === undefined) {
    notes.push(`The account's shell is ${account.shell}: its password can be proven, and a session is refused.`);
  }
  const left = (account.expireDay ?? Infinity) - facts.today;
  if (left < SOON_DAYS) notes.push(`The account expires in ${String(left)} days, whatever its password.`);
  return notes;
}
