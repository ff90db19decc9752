import type { KeyboardInteractiveAuthMethod, Prompt, PseudoTtyOptions } from "ssh2";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { Look, SetResult, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { Command, newMark } from "./command.js";
import { within } from "../common/connection.js";
import { Connection, SshError } from "./connection.js";
import type { Trust } from "./host-key.js";
import { lastLine } from "./power.js";
import { refusesValue, valueReason } from "./set.js";

const DAY_MS = 86_400_000;
/** What `timeout` ends with. */
const ENDED: readonly number[] = [124, 137];
const TERMINAL: PseudoTtyOptions = { term: "dumb", rows: 24, cols: 200, modes: { ECHO: 0 } };

/** An account's two passwords, each typed only where it is asked for. */
export interface Change {
  before: Secret;
  after: Secret;
}

type Question = "before" | "after" | "again";

/** What a prompt of `passwd`, or of PAM, wants. @returns `undefined` for one that speaks of no password */
export function questionOf(prompt: string): Question | undefined {
  if (!/password/i.test(prompt)) return undefined;
  if (/re-?type|re-?enter|again|repeat|confirm/i.test(prompt)) return "again";
  if (/\bnew\b/i.test(prompt)) return "after";
  return /current|\bold\b/i.test(prompt) ? "before" : undefined;
}

/** What the account may see of itself: whether it must wait before it changes its password again. @throws CoffreError TARGET_NOT_READY */
export async function lookAtOwn(connection: Connection, spec: TargetSpec): Promise<Look> {
  const mark = newMark();
  const command = await Command.start(connection, `/bin/sh -c 'LC_ALL=C; export LC_ALL; echo ${mark}; passwd -S'`);
  command.endInput();
  await command.end();
  const [, status = ""] = command.stdout.split(`${mark}\n`);
  const [, date = "", days = "0"] = /^\S+ \S+ (\S+) (\d+) /.exec(status) ?? [];
  const until = readDate(date) + Number(days) * DAY_MS;
  if (Number(days) > 0 && until > Date.now()) {
    throw new CoffreError(
      "TARGET_NOT_READY",
      `Account "${spec.username}" at ${formatAddress(spec.address)} may not change its password before ${new Date(until).toISOString().slice(0, 10)}`,
      {
        hint: `Run again then, name an admin, or lift the minimum age: chage --mindays 0 ${spec.username}.`,
        details: { account: spec.account },
      },
    );
  }
  return { accountExists: true, notes: [OWN_NOTE] };
}

/** Said with every look at an account that nobody else can set. */
export const OWN_NOTE = "The account changes its own password: a lost reply can't be repaired by an admin.";

/** `11/22/2026` until shadow 4.13, `2026-11-22` since. */
function readDate(text: string): number {
  const [, month, day, year] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(text) ?? [];
  const time = Date.parse(year === undefined ? text : `${year}-${month ?? ""}-${day ?? ""}`);
  return Number.isNaN(time) ? 0 : time;
}

/**
 * Changes it by `passwd`, as the account. `forced`: the server runs `passwd` itself, on a terminal, whatever it is asked for.
 */
export async function changeByPasswd(
  connection: Connection,
  spec: TargetSpec,
  change: Change,
  { forced }: { forced: boolean },
): Promise<SetResult> {
  const limit = Math.max(1, Math.floor(spec.limits.setMs / 2000));
  const text = `/bin/sh -c 'LC_ALL=C; export LC_ALL; exec timeout --foreground -k 1 ${limit} passwd'`;
  let confirmed = false;
  try {
    const command = await Command.start(connection, text, forced ? { pty: TERMINAL } : {});
    const said = () => (command.stdout + command.stderr).replaceAll("\r", "");
    let read = 0;
    let newTypedAt = Infinity;
    const typed = new Set<Question>();
    for (;;) {
      const question = await command.until(() => questionOf(lastPrompt(said().slice(read))));
      if (question === undefined) break;
      if (typed.has(question)) {
        command.drop(); // it asks once more: what was typed wasn't taken
        return question === "before" ? wrongBefore() : afterRefusal(said(), newTypedAt, confirmed);
      }
      read = said().length;
      typed.add(question);
      if (question === "after") newTypedAt = read;
      if (question === "again") confirmed = true;
      command.type(`${change[question === "before" ? "before" : "after"].reveal()}\n`);
    }
    // Also where it asks only once: what it said of the value before was a mere warning.
    if (command.exitCode === 0 && typed.has("after")) return { result: "set", accountMade: false };
    if (command.exitCode === undefined || ENDED.includes(command.exitCode)) {
      return confirmed
        ? { result: "in-doubt", reason: "passwd was ended before it answered" }
        : { result: "refused", reason: "passwd was ended before it took the new password" };
    }
    return afterRefusal(said(), newTypedAt, confirmed);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return confirmed
      ? { result: "in-doubt", reason: `no answer from passwd: ${error.message}` }
      : { result: "refused", reason: `${error.message}; the password wasn't changed` };
  }
}

/** Only what stands at the end, unfinished, is a prompt. */
function lastPrompt(text: string): string {
  const line = text.slice(text.lastIndexOf("\n") + 1);
  return /:\s*$/.test(line) ? line : "";
}

/**
 * It was refused. Once the new password was typed twice, a module of PAM may have taken it before another refused; and only
 * what is said after it was typed is about it: a greeting, too, may speak of choosing a new password.
 */
function afterRefusal(said: string, newTypedAt: number, confirmed: boolean): SetResult {
  const reason = lastLine(said.replace(/password unchanged|unchanged/gi, "")) || "passwd refused";
  if (confirmed) return { result: "in-doubt", reason: `it was refused, perhaps after the change: ${reason}` };
  const about = said.slice(newTypedAt);
  return refusesValue(about) ? { result: "value-refused", reason: valueReason(about) } : { result: "refused", reason };
}

function wrongBefore(): SetResult {
  return { result: "refused", reason: "passwd didn't take the present password" };
}

/**
 * Changes it in the login's own dialogue, where `keyboard-interactive` is all there is and a new password is asked for
 * before anything else.
 */
export async function changeAtLogin(spec: TargetSpec, trust: Trust, change: Change): Promise<SetResult> {
  const connection = new Connection();
  let refused = false;
  let words = "";
  let newTypedAt = Infinity;
  const asked = new Set<Question | "login">();
  const answerTo = ({ prompt }: Prompt): string | undefined => {
    const question = questionOf(prompt) ?? (asked.size === 0 ? "login" : undefined);
    if (question === undefined || asked.has(question)) return undefined;
    asked.add(question);
    return change[question === "after" || question === "again" ? "after" : "before"].reveal();
  };
  const prompt: KeyboardInteractiveAuthMethod["prompt"] = (_name, text, _language, prompts, finish) => {
    words += `${text}\n${prompts.map((each) => each.prompt).join("\n")}\n`;
    const answers = prompts.map(answerTo);
    if (answers.includes(undefined)) {
      refused = true;
      return connection.giveUp("aborted");
    }
    if (asked.has("after")) newTypedAt = Math.min(newTypedAt, words.length);
    finish(answers.map((answer) => answer ?? ""));
  };
  try {
    const end = await within(connection, { limitMs: spec.limits.setMs }, () =>
      connection.open(spec.address, spec.username, trust, ({ methods }) =>
        methods.includes("keyboard-interactive") && asked.size === 0
          ? { type: "keyboard-interactive", username: spec.username, prompt }
          : undefined,
      ),
    );
    if (end === "in" && asked.has("again")) return { result: "set", accountMade: false };
    return afterRefusal(words, newTypedAt, asked.has("again"));
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    if (wasRefused()) return afterRefusal(words, newTypedAt, asked.has("again"));
    return asked.has("again")
      ? { result: "in-doubt", reason: `no answer to the new password: ${error.message}` }
      : { result: "refused", reason: `${error.message}; the password wasn't changed` };
  } finally {
    connection.close();
  }

  // A callback changes it, which the compiler doesn't see.
  function wasRefused(): boolean {
    return refused;
  }
}
