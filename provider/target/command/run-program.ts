import { dirname } from "node:path";
import { execa } from "execa";
import { isCoffreError } from "../../core/errors.js";
import { type Answer, answerOf, type AnyOperation, MEANINGS } from "./answers.js";
import { findProgram, isOurs } from "./programs.js";
import { quotableLine } from "./words.js";

/**
 * Starts the program in the place of this shell, with two watches beside it that end the whole process group: one when its
 * time is over, also where Coffre is frozen; one when the other end of descriptor 3 is closed, which is when Coffre is gone.
 * Its arguments are the seconds, then the program's own.
 */
const WATCHED = [
  '(command -p sleep "$0" && kill -KILL -$$) 3<&- </dev/null >/dev/null 2>&1 &',
  "(read -r _ <&3; kill -KILL -$$) </dev/null >/dev/null 2>&1 &",
  'exec "$@" 3<&-',
].join("\n");
/** A Coffre that runs ends the program itself, a little earlier. */
const WATCH_RESERVE_SECONDS = 1;
const MOST_WORDS = 1 << 16;
/** How long after the program's end its last words may take to arrive. */
const LAST_WORDS_MS = 200;
const PASSED_ON = ["PATH", "HOME", "LANG"];

/** One run of a program. */
export interface ProgramRun {
  operation: AnyOperation;
  argv: readonly string[];
  /** The line that it reads. */
  input: string;
  /** What must not be in anything that is quoted. */
  secrets: readonly string[];
  /** Names of further variables that it gets. */
  environment: readonly string[];
  limitMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * `answered`: by a documented exit code. `not-started`: so nothing was sent. `no-answer`: it ended otherwise, was killed, or
 * ran out of time, and may have done anything. `why` is a sentence's end, without secrets.
 */
export type ProgramEnd =
  | { end: "answered"; answer: Answer; why: string }
  | { end: "not-started"; why: string }
  | { end: "no-answer"; why: string }
  | { end: "aborted" };

/**
 * Runs a program that is allowed here. Secrets go to its standard input, and to nothing else; what it prints on standard
 * output goes nowhere. Whatever it started in its process group ends with it.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const name = run.argv[0] ?? "";
  if (run.signal?.aborted === true) return { end: "aborted" };
  let path: string;
  try {
    path = await findProgram(name);
  } catch (error) {
    if (isCoffreError(error)) return { end: "not-started", why: error.problem };
    throw error;
  }
  const limitMs = Math.max(1, Math.floor(run.limitMs));
  const seconds = Math.ceil(limitMs / 1000) + WATCH_RESERVE_SECONDS;
  const child = execa("/bin/sh", ["-c", WATCHED, String(seconds), path, ...run.argv.slice(1)], {
    input: run.input,
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    buffer: false,
    reject: false,
    verbose: "none",
    extendEnv: false,
    env: environmentOf(run.environment),
    cwd: dirname(path),
    killDescendants: true,
    killSignal: "SIGKILL",
    forceKillAfterDelay: false,
    timeout: limitMs,
    ...(run.signal === undefined ? {} : { cancelSignal: run.signal }),
  });
  const words = listen(child.stderr);
  child.nodeChildProcess.once("exit", () => {
    child.kill("SIGKILL"); // the watches, and whatever the program left behind in its group
    // What has left the group may hold the pipe open for ever.
    setTimeout(() => child.stderr.destroy(), LAST_WORDS_MS).unref();
  });
  const ended = await child;
  if (ended.isCanceled) return { end: "aborted" };
  const says = `the program "${name}"`;
  if (ended.timedOut) {
    return { end: "no-answer", why: `${says} took longer than ${Math.round(limitMs / 100) / 10} s and was ended` };
  }
  if (ended.signal !== undefined) return { end: "no-answer", why: `${says} was ended by ${ended.signal}` };
  if (ended.exitCode === undefined) return { end: "not-started", why: `${says} couldn't be started` };
  const answer = answerOf(run.operation, ended.exitCode);
  if (answer === undefined) {
    const what = `${says} ended with exit code ${String(ended.exitCode)}, which says nothing about ${run.operation}`;
    return { end: "no-answer", why: `${what}; what it printed isn't shown` };
  }
  const line = quotableLine(words(), run.secrets);
  return { end: "answered", answer, why: line === undefined ? MEANINGS[answer] : `${says} says: ${line}` };
}

function environmentOf(names: readonly string[]): Record<string, string> {
  const wanted = [...PASSED_ON, ...names].filter((name) => !isOurs(name));
  return Object.fromEntries(
    wanted.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/**
 * Reads everything away, so that nobody waits for a full pipe.
 * @returns what was said; nothing if that was too much to be searched for secrets
 */
function listen(stream: NodeJS.ReadableStream): () => string {
  let kept = "";
  let tooMuch = false;
  stream.on("data", (chunk: Buffer) => {
    tooMuch ||= kept.length + chunk.length > MOST_WORDS;
    kept = tooMuch ? "" : kept + chunk.toString("utf8");
  });
  stream.on("error", () => {});
  return () => kept;
}
