import type { Secret } from "../../core/secret.js";
import type { SetResult, TargetSpec } from "../port.js";
import { Refusal } from "./errors.js";
import { MARK_SCRIPTS, MARKS } from "./marks.js";
import { lastLine, type RootShell, type Started } from "./power.js";
import type { LinuxTarget } from "./schema.js";
import { SshError } from "./connection.js";

/** Exit codes of our script; 124 and 137 are those of `timeout`. */
const EXIT = { ok: 0, missing: 41, notMade: 42, notChanged: 43, changed: 44, timeout: 124, killed: 137 } as const;
/** What modules of PAM say to a value, and not to the account or to root: pam_pwquality, pam_pwhistory, pam_unix, pam_passwdqc. */
// For root some of these are mere warnings, so that they count only where the shadow entry is unchanged.
const REFUSES_VALUE =
  /BAD PASSWORD|password (has been )?already (been )?used|choose a (longer|different|new) password|too (short|simple|weak|similar)|dictionary|Weak password|recently used/i;

/**
 * Sets the password by `chpasswd`, as root, on its standard input. Until the value is typed, whatever fails has changed no
 * password for certain; from then on, only the exit code tells.
 */
export async function setPassword(
  shell: RootShell,
  spec: TargetSpec,
  target: LinuxTarget,
  password: Secret,
): Promise<SetResult> {
  let typed = false;
  try {
    const started = await shell.start(setScript(spec, target), spec.limits.setMs / 2000);
    const ready = await started.command.until(() => (isReady(started) ? true : undefined));
    if (ready === undefined) return { result: "refused", reason: reasonBefore(started) };
    typed = true;
    started.command.type(`${spec.username}:${password.reveal()}\n`);
    started.command.endInput();
    await started.command.end();
    return resultOf(started);
  } catch (error) {
    if (error instanceof Refusal) return { result: "refused", reason: error.message };
    if (!(error instanceof SshError)) throw error;
    return typed
      ? { result: "in-doubt", reason: `no answer from chpasswd: ${error.message}` }
      : { result: "refused", reason: `${error.message}; the password wasn't sent` };
  }
}

const READY = "coffre-ready";

function isReady({ said }: Started): boolean {
  return said("stdout").includes(`${READY}\n`);
}

// Everything is repeatable. What makes or mends the account comes first, so that nobody waits for the value in vain.
function setScript({ username: user }: TargetSpec, { account = {} }: LinuxTarget): string {
  const { create = false, groups = [], shell, authorizedKeys = [] } = account;
  const shellOption = shell === undefined ? "" : ` -s ${shell}`;
  return [
    ...(create
      ? [
          `getent passwd ${user} >/dev/null || useradd -m${shellOption} -c ",,,,${MARKS.made}" ${user} || exit ${EXIT.notMade}`,
        ]
      : []),
    `p=$(getent passwd ${user}) || exit ${EXIT.missing}`,
    MARK_SCRIPTS.read,
    ...(groups.length === 0 ? [] : [`usermod -a -G ${groups.join(",")} ${user} || exit ${EXIT.notMade}`]),
    ...(shell === undefined
      ? []
      : [`test "\${p##*:}" = ${shell} || usermod -s ${shell} ${user} || exit ${EXIT.notMade}`]),
    ...authorizedKeys.map((key) => `${addKey(user, key)} || exit ${EXIT.notMade}`),
    `case "$o" in *"${MARKS.made}"*) echo made;; esac`,
    // A module of PAM that fails after pam_unix makes chpasswd fail although the value is in force; and what cannot be seen
    // (an account that shadow doesn't know) is not known to be unchanged.
    `s=$(getent shadow ${user})`,
    MARK_SCRIPTS.off,
    `echo ${READY}`,
    `chpasswd || { test -n "$s" && test "$(getent shadow ${user})" = "$s" && exit ${EXIT.notChanged}; exit ${EXIT.changed}; }`,
    // After the password, so that an account that is only half enabled refuses the old one.
    `test -z "$off" || usermod -e "" -c "$(echo "$g" | sed "s/ *${MARKS.disabled}//g; s/,*$//")" ${user} || exit ${EXIT.notMade}`,
  ].join("; ");
}

/** As the account itself: root would follow whatever link stands in its home. */
function addKey(user: string, key: string): string {
  const asUser = `cd "$d" && runuser -u ${user} --`;
  const has = `(${asUser} grep -qxF -e "${key}" .ssh/authorized_keys 2>/dev/null)`;
  // A last line that isn't ended would run into the new one, and its key would let nobody in any more.
  const endLine = "tail -c 1 .ssh/authorized_keys 2>/dev/null | grep -q . && echo";
  const add = `(${asUser} /bin/sh -c "umask 77; mkdir -p .ssh && { ${endLine}; echo ${key}; } >> .ssh/authorized_keys")`;
  return `{ ${has} || ${add}; }`;
}

function reasonBefore({ command, said }: Started): string {
  if (command.exitCode === EXIT.missing) return "the account doesn't exist and isn't to be created";
  const words = lastLine(said("stderr"));
  if (command.exitCode === EXIT.notMade) return `the account couldn't be made ready: ${words}`;
  return `the machine did nothing: ${words || `exit code ${String(command.exitCode)}`}`;
}

function resultOf({ command, said }: Started): SetResult {
  const { exitCode } = command;
  const words = said("stderr");
  if (exitCode === EXIT.ok) return { result: "set", accountMade: said("stdout").split("\n").includes("made") };
  if (exitCode === undefined || exitCode === EXIT.timeout || exitCode === EXIT.killed) {
    return { result: "in-doubt", reason: "chpasswd was ended before it answered" };
  }
  if (exitCode === EXIT.notMade)
    return { result: "in-doubt", reason: `the account wasn't enabled again: ${lastLine(words)}` };
  if (exitCode === EXIT.changed)
    return { result: "in-doubt", reason: `chpasswd failed, perhaps after the change: ${lastLine(words)}` };
  if (exitCode === EXIT.notChanged && refusesValue(words))
    return { result: "value-refused", reason: valueReason(words) };
  return { result: "refused", reason: lastLine(words) || `chpasswd ended with ${String(exitCode)}` };
}

/** True for the words with which PAM refuses a value. */
export function refusesValue(words: string): boolean {
  return REFUSES_VALUE.test(words);
}

/** PAM's own sentence about the value. */
export function valueReason(words: string): string {
  const line = words.split("\n").find((each) => REFUSES_VALUE.test(each)) ?? "";
  return lastLine(line);
}
