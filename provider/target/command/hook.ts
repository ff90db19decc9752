import { isProgramName } from "../../core/program-name.js";
import { runProgram } from "./run-program.js";

/** One run of a program that is told something. */
export interface HookRun {
  argv: readonly string[];
  /** The line that it reads; no secret is in it. */
  input: string;
  limitMs: number;
  signal?: AbortSignal | undefined;
}

/** Why a program didn't take what it was told. */
export interface HookFailure {
  /** The end of a sentence. */
  problem: string;
  /** False if it can't even be started here. */
  mayPass: boolean;
}

/** Runs a program of the folder that this machine allows (`COFFRE_COMMANDS`). @returns nothing if it took what it was told */
export async function runHook({ argv, input, limitMs, signal }: HookRun): Promise<HookFailure | undefined> {
  // What stands in a vault may be of other hands than the declaration that was checked.
  if (!isProgramName(argv[0] ?? "")) return { problem: "it doesn't begin with the name of a program", mayPass: false };
  // No system starts a program with such an argument.
  if (argv.some((word) => word.includes("\0"))) return { problem: "one of its words holds a NUL", mayPass: false };
  const run = { operation: "notify", argv, input, secrets: [], environment: [], limitMs, signal } as const;
  const end = await runProgram(run);
  if (end.end === "aborted") return { problem: "the run was interrupted", mayPass: false };
  if (end.end === "answered" && end.answer === "done") return undefined;
  return { problem: end.why, mayPass: end.end !== "not-started" };
}
