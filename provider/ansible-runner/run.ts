import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { basename, delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { CoffreError } from "../core/errors.js";
import { argumentsFor, environmentFor, findPrograms } from "./command.js";
import { AnsibleError } from "./errors.js";
import { type HostStatus, originIn, parseEvent, type RunEvent, type RunStatistics } from "./events.js";
import { Guard } from "./guard.js";
import { type ForgottenNoLog, findForgottenNoLog } from "./no-log.js";
import { type AnsibleVariables, type Inventory, parseOptions, type RunOptions } from "./options.js";
import { makePrivateData, type PrivateData } from "./private-data.js";

/** What Ansible ends with that couldn't read a playbook. */
const PARSER_ERROR = 4;

/** What {@link runPlaybook} takes: {@link RunOptions} before defaults, and how the caller takes part. */
export interface PlaybookArgs {
  playbook: string;
  inventory?: Inventory;
  variables?: AnsibleVariables;
  agent?: string;
  knownHosts?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  collections?: readonly string[];
  binFolder?: string;
  forks?: number;
  limit?: string;
  check?: boolean;
  verbosity?: number;
  timeLimitMs?: number;
  /** Ends everything of the run. */
  signal?: AbortSignal;
  /** Told before anything is started of tasks that would write a value down. Default: a warning of the process. */
  onWarning?: (warning: ForgottenNoLog) => void;
}

/** How a run ended that came to its end. */
export interface RunResult {
  /** What is worst: `unreachable` before `failed`. */
  status: "successful" | "failed" | "unreachable";
  /** By host, each that a play spoke with. */
  hosts: Readonly<Record<string, HostStatus>>;
  /** What the playbook gave to `ansible.builtin.set_stats`, of the run as a whole. */
  answers: Readonly<Record<string, unknown>>;
  /** Tasks that use a value and lack `no_log`. */
  warnings: readonly ForgottenNoLog[];
}

/** A run under way. It goes on whether or not anybody reads its events. */
export interface PlaybookRun {
  /** What happens, as it happens; ends with the run. For one reader. */
  readonly events: AsyncIterable<RunEvent>;
  /** @throws CoffreError INVALID_INPUT if the playbook isn't there; AnsibleError `not-installed`, `syntax`, `timed-out`, `cancelled`; `failed` where Ansible ended without a word on hosts */
  readonly result: Promise<RunResult>;
  /** As `result`, for those who want nothing but success. @throws AnsibleError also `unreachable` and `failed`, with the hosts */
  successful(): Promise<RunResult>;
}

/**
 * Runs a playbook by `ansible-runner`, in a fresh private folder that is gone afterwards, with a small environment of its own. A secret
 * comes to it by the agent alone: none is written, and what Ansible runs is given none.
 * @throws CoffreError INVALID_INPUT for an option that can't be right
 */
export function runPlaybook({ signal, onWarning = warn, ...given }: PlaybookArgs): PlaybookRun {
  const options = parseOptions(given);
  const events = new PassThrough({ objectMode: true });
  events.on("error", () => {}); // a reader that leaves early
  const result = run(options, { signal, onWarning, tell: (event) => void (events.destroyed || events.write(event)) });
  const ended = result.finally(() => events.end());
  ended.catch(() => {}); // whoever only reads events isn't ended by a failure that nobody awaits
  return {
    events: events as AsyncIterable<RunEvent>,
    result: ended,
    successful: async () => requireSuccess(await ended),
  };
}

interface Taking {
  signal: AbortSignal | undefined;
  onWarning: (warning: ForgottenNoLog) => void;
  tell: (event: RunEvent) => void;
}

async function run(options: RunOptions, { signal, onWarning, tell }: Taking): Promise<RunResult> {
  if (signal?.aborted === true) throw new AnsibleError("cancelled", "The run was cancelled before it began");
  await requirePlaybook(options.playbook);
  const path = await findPrograms(options);
  const warnings = await findForgottenNoLog(options.playbook, options);
  for (const warning of warnings) onWarning(warning);
  const name = randomUUID();
  const data = makePrivateData(options);
  const guard = new Guard(name, data.folder);
  try {
    return { ...(await play(options, { data, name, path, signal, tell })), warnings };
  } finally {
    await guard.end();
  }
}

async function requirePlaybook(playbook: string): Promise<void> {
  const found = await stat(playbook).catch(() => undefined);
  if (found?.isFile()) return;
  const what = found ? "is no file" : "isn't there";
  throw new CoffreError("INVALID_INPUT", `The run's playbook ${playbook} ${what}`, { details: { field: "playbook" } });
}

interface Playing {
  data: PrivateData;
  name: string;
  path: string;
  signal: AbortSignal | undefined;
  tell: (event: RunEvent) => void;
}

async function play(options: RunOptions, playing: Playing): Promise<Omit<RunResult, "warnings">> {
  const { data, name, path, signal, tell } = playing;
  const child = execa(join(path.split(delimiter)[0] ?? "", "ansible-runner"), argumentsFor(options, data), {
    stdio: ["ignore", "pipe", "pipe"],
    buffer: false,
    reject: false,
    extendEnv: false,
    env: environmentFor(options, data, { name, path }),
    cwd: dirname(options.playbook),
    killDescendants: true,
    killSignal: "SIGKILL",
    forceKillAfterDelay: false,
    timeout: options.timeLimitMs,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  child.nodeChildProcess.once("exit", () => setTimeout(() => child.stdout.destroy(), 1_000).unref());
  child.stderr.resume();
  let statistics: RunStatistics | undefined;
  let hasPlayed = false;
  let origin: string | undefined;
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const parsed = parseEvent(line);
    if (!parsed) {
      origin ??= originIn(line);
      return;
    }
    statistics = parsed.statistics ?? statistics;
    hasPlayed ||= parsed.event.event === "playbook_on_play_start";
    tell(parsed.event);
  });
  const read = once(lines, "close");
  const ended = await child;
  if (ended.isCanceled) throw new AnsibleError("cancelled", "The run was cancelled, and everything of it was ended");
  if (ended.timedOut) {
    const seconds = Math.round(options.timeLimitMs / 100) / 10;
    throw new AnsibleError("timed-out", `The run took longer than ${String(seconds)} s and was ended`);
  }
  await read;
  if (statistics) return resultOf(statistics, ended.exitCode);
  const what = basename(options.playbook);
  if (!hasPlayed && ended.exitCode === PARSER_ERROR) {
    const where = origin === undefined ? "" : ` (${origin})`;
    throw new AnsibleError("syntax", `Ansible can't read the playbook ${what}${where}: no task of it ran`);
  }
  throw new AnsibleError(
    "failed",
    `Ansible ended with ${String(ended.exitCode)} at ${what} and said nothing of any host`,
  );
}

function resultOf({ hosts, answers }: RunStatistics, exitCode: number | undefined): Omit<RunResult, "warnings"> {
  const all = Object.values(hosts).map(({ status }) => status);
  const worst = all.includes("unreachable") ? "unreachable" : all.includes("failed") ? "failed" : undefined;
  return { status: worst ?? (exitCode === 0 ? "successful" : "failed"), hosts, answers };
}

function requireSuccess(result: RunResult): RunResult {
  if (result.status === "successful") return result;
  const { status } = result;
  const hosts = Object.entries(result.hosts).flatMap(([name, host]) => (host.status === status ? [name] : []));
  const first = hosts.slice(0, 10).join(", ");
  const named = hosts.length > 10 ? `${first} and ${String(hosts.length - 10)} more` : first;
  const what = status === "unreachable" ? "weren't reached" : "failed";
  throw new AnsibleError(status, hosts.length === 0 ? "The run failed" : `These hosts ${what}: ${named}`, { hosts });
}

function warn({ message }: ForgottenNoLog): void {
  process.emitWarning(message, { type: "CoffreWarning", code: "COFFRE_NO_LOG" });
}
