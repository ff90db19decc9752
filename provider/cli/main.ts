import { readFileSync } from "node:fs";
import { isCoffreError } from "../core/errors.js";
import type { CommandDefinition, CommandLine } from "./definition.js";
import { errorShape } from "./error-shape.js";

/** A second Ctrl-C after this time ends the program at once; before it, it is the same one, delivered twice. */
const IMPATIENCE_MS = 1_000;
const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const INTERRUPTED = 130;

/**
 * The `coffre` command.
 * @param argv what follows the program's name
 * @returns the exit code; everything was said by then
 */
export async function main(argv: readonly string[]): Promise<number> {
  const unread = watchReaders();
  if (argv.length === 1 && argv[0] === "--version") {
    process.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  const stop = watchSignals();
  const words = argv.length === 0 ? ["--help"] : argv;
  let exitCode = 0;
  try {
    // Only now: scripts ask for the version all the time.
    const [{ callCommand }, { findCommand, loadCommandsFor }, { readPlainLine }] = await Promise.all([
      import("./call.js"),
      import("./commands.js"),
      import("./plain-line.js"),
    ]);
    const call = async (definition: CommandDefinition, line: CommandLine) => {
      exitCode = await callCommand(definition, line, { stopped: stop.signal, handOver: stop.handOver, unread });
    };
    const definition = await findCommand(words);
    const line = definition && readPlainLine(definition, words);
    if (definition && line) {
      await call(definition, line);
    } else {
      const { parseLine } = await import("./program.js");
      const printed = await parseLine(words, await loadCommandsFor(words), { version: packageVersion(), call });
      if (printed !== undefined) return printed;
    }
  } catch (error) {
    report(error, words.includes("--json"));
    return stop.exitCode ?? (isCoffreError(error, "INTERRUPTED") ? INTERRUPTED : errorShape(error).exitCode);
  }
  return stop.exitCode ?? exitCode;
}

interface SignalWatch {
  signal: AbortSignal;
  exitCode: number | undefined;
  /** Another process decides from here on what a signal does. */
  handOver: () => void;
}

/** The first Ctrl-C lets what is under way end; somebody who can't wait presses it again. */
function watchSignals(): SignalWatch {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const stopBy = (signal: NodeJS.Signals) => {
    const code = STOP_SIGNALS[signal as keyof typeof STOP_SIGNALS]; // it is on for those only
    if (firstAt !== undefined && performance.now() - firstAt > IMPATIENCE_MS) process.exit(code);
    firstAt ??= performance.now();
    stop.exitCode ??= code;
    controller.abort();
  };
  const each = (turn: "on" | "off") => {
    for (const signal of Object.keys(STOP_SIGNALS)) process[turn](signal, stopBy);
  };
  const stop: SignalWatch = { signal: controller.signal, exitCode: undefined, handOver: () => each("off") };
  each("on");
  return stop;
}

/** A reader that went away (`| head -1`) is no failure, and no reason to stop a rotation. */
function watchReaders(): AbortSignal {
  const controller = new AbortController();
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    controller.abort();
  });
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  return controller.signal;
}

function report(error: unknown, json: boolean): void {
  const shape = errorShape(error);
  const text = `coffre: ${shape.problem}\n${shape.hint === null ? "" : `  ${shape.hint}\n`}`;
  process.stderr.write(json ? `${JSON.stringify({ error: shape })}\n` : text);
}

function packageVersion(): string {
  // The same distance from the sources and from what is built of them.
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version; // our own file
}
