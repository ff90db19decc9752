import { CoffreError } from "../../core/errors.js";
import type { TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { DISABLED_DAY, MARK_SCRIPTS } from "./marks.js";
import { lastLine, type RootShell } from "./power.js";

/** Disables or drops the account; a missing one is a success. @throws CoffreError TARGET_NOT_READY; Refusal; SshError */
export async function removeAccount(shell: RootShell, spec: TargetSpec, how: "disable" | "drop"): Promise<void> {
  const { command, said } = await shell.start(removeScript(spec.username, how), spec.limits.setMs / 2000);
  command.endInput();
  await command.end();
  if (command.exitCode === 0) return;
  const what = how === "drop" ? "dropped" : "disabled";
  const ended = command.exitCode === undefined ? "it was ended before it was done" : `exit code ${command.exitCode}`;
  const words = lastLine(said("stderr")) || ended;
  throw new CoffreError(
    "TARGET_NOT_READY",
    `Account "${spec.username}" at ${formatAddress(spec.address)} isn't ${what}: ${words}`,
    { hint: 'End its processes, or declare onDelete: "disable" or "keep".', details: { account: spec.account } },
  );
}

function removeScript(user: string, how: "disable" | "drop"): string {
  const exists = `p=$(getent passwd ${user}) || exit 0`;
  if (how === "drop") return `${exists}; userdel ${user}`;
  const { read, off, theirs, marked } = MARK_SCRIPTS;
  const done = `${read}; s=$(getent shadow ${user}); ${off}; test -z "$off" || exit 0`;
  // Expired too, since a locked password alone still lets keys in.
  const disable = `usermod -L -e ${DISABLED_DAY} -c "$c" ${user}`;
  // What a person has locked gets no mark: it is theirs to open again.
  const expired = `x=$(echo "$s" | cut -d: -f8); test -n "$x" && test "$x" -le $(( $(date +%s) / 86400 ))`;
  const expire = `{ ${expired} || usermod -e ${DISABLED_DAY} ${user}; }`;
  return `${exists}; ${done}; ${theirs}; ${marked}; if test -n "$theirs"; then ${expire}; else ${disable}; fi`;
}
