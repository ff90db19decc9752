import { readFileSync } from "node:fs";
import type { CommandDefinition, CommandLine } from "./definition.js";
import { runAsProgram } from "./run-as-program.js";
import { stderr, stdout } from "./streams.js";

/**
 * The `coffre` command.
 * @param argv what follows the program's name
 * @returns the exit code; everything was said by then
 */
export async function main(argv: readonly string[]): Promise<number> {
  const words = argv.length === 0 ? ["--help"] : argv;
  for (const stream of [stdout, stderr]) stream(); // watched from the start: libraries write to them, too
  return runAsProgram(words, async (signals) => {
    if (words.length === 1 && words[0] === "--version") {
      stdout().write(`${packageVersion()}\n`);
      return 0;
    }
    // Only now: scripts ask for the version all the time.
    const [{ callCommand }, { findCommand, loadCommandsFor }, { readPlainLine }] = await Promise.all([
      import("./call.js"),
      import("./commands.js"),
      import("./plain-line.js"),
    ]);
    const definition = await findCommand(words);
    const line = definition && readPlainLine(definition, words);
    if (definition && line) return callCommand(definition, line, signals);
    let exitCode = 0;
    const call = async (called: CommandDefinition, found: CommandLine) => {
      exitCode = await callCommand(called, found, signals);
    };
    const { parseLine } = await import("./program.js");
    const printed = await parseLine(words, await loadCommandsFor(words), { version: packageVersion(), call });
    return printed ?? exitCode;
  });
}

function packageVersion(): string {
  // The same distance from the sources and from what is built of them.
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version; // our own file
}
