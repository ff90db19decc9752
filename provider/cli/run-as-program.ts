import { isCoffreError } from "../core/errors.js";
import type { ProgramSignals } from "./context.js";
import { errorShape } from "./error-shape.js";
import { refuseLostOutput, stderr, unread } from "./streams.js";

/** A second Ctrl-C after this time ends the program at once; before it, it is the same one, delivered twice. */
const IMPATIENCE_MS = 1_000;
const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const INTERRUPTED = 130;

/**
 * Runs what a command line asks for as a program: signals end it, and its errors are said on stderr.
 * @param words of the line
 * @returns the exit code: what `work` answers, if nothing else ended it
 */
export async function runAsProgram<Answer extends number | undefined>(
  words: readonly string[],
  work: (signals: ProgramSignals) => Promise<Answer>,
): Promise<Answer | number> {
  const stop = watchSignals();
  try {
    const { signal: stopped, handOver, endAtOnce } = stop;
    const answer = await work({ stopped, handOver, endAtOnce, unread });
    if (answer === undefined) return stop.exitCode ?? answer; // another program begins anew
    refuseLostOutput();
    return stop.exitCode ?? answer;
  } catch (error) {
    report(error, words.includes("--json"));
    return stop.exitCode ?? (isCoffreError(error, "INTERRUPTED") ? INTERRUPTED : errorShape(error).exitCode);
  }
}

interface SignalWatch {
  signal: AbortSignal;
  exitCode: number | undefined;
  /** Another process decides from here on what a signal does. */
  handOver: () => void;
  endAtOnce: (yes: boolean) => void;
}

/** The first Ctrl-C lets what is under way end; somebody who can't wait presses it again. */
function watchSignals(): SignalWatch {
  const controller = new AbortController();
  let firstAt: number | undefined;
  let atOnce = false;
  const stopBy = (signal: NodeJS.Signals) => {
    const code = STOP_SIGNALS[signal as keyof typeof STOP_SIGNALS]; // it is on for those only
    if (atOnce || (firstAt !== undefined && performance.now() - firstAt > IMPATIENCE_MS)) process.exit(code);
    firstAt ??= performance.now();
    stop.exitCode ??= code;
    controller.abort();
  };
  const each = (turn: "on" | "off") => {
    for (const signal of Object.keys(STOP_SIGNALS)) process[turn](signal, stopBy);
  };
  const stop: SignalWatch = {
    signal: controller.signal,
    exitCode: undefined,
    handOver: () => each("off"),
    endAtOnce: (yes) => (atOnce = yes),
  };
  each("on");
  return stop;
}

function report(error: unknown, json: boolean): void {
  const shape = errorShape(error);
  const text = `coffre: ${shape.problem}\n${shape.hint === null ? "" : `  ${shape.hint}\n`}`;
  stderr().write(json ? `${JSON.stringify({ error: shape })}\n` : text);
}
