import { setImmediate as nextTurn } from "node:timers/promises";
import { CoffreError } from "../../core/errors.js";
import { type DeclaredVariable, parseEnvFile } from "../../delivery/env-file.js";
import { MaskPatterns } from "../../delivery/mask.js";
import { refusedAt } from "../../delivery/place.js";
import { type DeliveredValue, readWanted, type WantedValue } from "../../delivery/read-wanted.js";
import { SHORTEST_VALUE } from "../../delivery/value-forms.js";
import { bytesOf, textOf } from "../../delivery/value-text.js";
import { NOT_EXECUTABLE, NOT_FOUND, runChild } from "../child.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { readTextFile } from "../text-file.js";
import { warnOfStatus } from "../status-warning.js";

export const run: CommandDefinition = {
  name: "run",
  summary: "run a command whose environment has the values of references",
  description: [
    "Reads a file of references (`NAME=coffre://<vault>/<path>`, one a line; any other value is the text that it is), asks the vault for all of them at once, and runs the command with them in its environment: in that of this one process and of what it starts, and nowhere else. If one of them can't be read nothing is started.",
    "What the command prints is looked through on its way: values are shown as `[secret]`, as they are and as JSON, URL, YAML, Python, shell, base64 or hexadecimal text has them, wherever the pieces of the output begin and end. stdout and stderr are sockets then, and no terminal: `>&2` works, `> /dev/stderr` doesn't; --no-mask hands over this terminal itself. It guards against accidents; a command that wants to tell a value can.",
    "The command gets what is typed, and every signal. Its exit code is this one's; 128 and the signal's number if a signal ended it.",
    "Whoever may read `/proc/<pid>/environ` sees the values while it runs: processes of the same user, and root. Where a file is good enough, use `coffre inject`; where standard input is, `coffre read`.",
  ],
  arguments: [{ name: "[command...]", description: "what to run, after --" }],
  options: [
    { flags: "--env-file <file...>", description: "the file of references; of several, later ones win" },
    { flags: "--no-mask", description: "hand the command's output over as it is" },
  ],
  examples: [
    { command: "coffre run --env-file refs.env -- ./migrate.sh", does: "a job with its passwords" },
    {
      command: "coffre agent -- coffre run --env-file refs.env -- env",
      does: "shows what it gets, with [secret] for each value",
    },
  ],
  json: "Nothing of its own: stdout is the command's.",
  exits: [
    { code: 3, when: "there is no such credential, field or version; nothing was started" },
    { code: 4, when: "one of them may not be read; nothing was started" },
    { code: NOT_EXECUTABLE, when: "the command can't be run" },
    { code: NOT_FOUND, when: "the command wasn't found; any other code is the command's own" },
  ],
  async run(context, { args, options }) {
    if (args.length === 0) {
      throw new CoffreError("INVALID_INPUT", "No command was given", {
        hint: "Write it after --: `coffre run --env-file refs.env -- ./migrate.sh`.",
      });
    }
    const declared = readDeclared(options);
    const wanted = declared.flatMap(({ value, place }): WantedValue[] =>
      "reference" in value ? [{ reference: value.reference, place }] : [],
    );
    const values = await context.interruptible(async () =>
      readWanted({ ...(await context.namedVault()), clock: context.clock }, wanted),
    );
    const env = environmentOf(declared, values);
    for (const { answer } of values) warnOfStatus(context, answer);
    const mask = options["mask"] === false ? undefined : patternsOf(context, declared, values);
    if (context.signal.aborted) throw new CoffreError("INTERRUPTED", "Stopped before the command was started");
    context.handSignalsOver();
    // What the command takes its time for needs no open vault, and no key in memory. The last question is answered while it starts.
    const closed = context.close();
    await nextTurn();
    const code = await runChild(context, args, { env, mask });
    await closed;
    return code;
  },
};

function readDeclared(options: CommandInput["options"]): DeclaredVariable[] {
  const files = options["envFile"];
  if (!Array.isArray(files)) {
    throw new CoffreError("INVALID_INPUT", "No file says which values the command gets", {
      hint: "Give --env-file <file> with lines such as PGPASSWORD=coffre://prod/Databases/orders-app.",
    });
  }
  const byName = new Map<string, DeclaredVariable>();
  for (const file of files) {
    for (const variable of parseEnvFile(readTextFile(String(file)), String(file))) byName.set(variable.name, variable);
  }
  return [...byName.values()];
}

function environmentOf(
  declared: readonly DeclaredVariable[],
  values: readonly DeliveredValue[],
): Record<string, string> {
  const left = [...values];
  return Object.fromEntries(
    declared.map(({ name, place, value }) => {
      if ("text" in value) return [name, value.text];
      const delivered = left.shift();
      const text = delivered && textOf(delivered);
      if (text === undefined) throw refusedAt(place, `the value for ${name} isn't text`, FILE_HINT);
      if (text.includes("\0"))
        throw refusedAt(place, `the value for ${name} has a NUL character, which ends a variable`, FILE_HINT);
      return [name, text];
    }),
  );
}

const FILE_HINT = "Write it to a file: `coffre read --output`. Nothing was started.";

function patternsOf(
  { terminal }: CommandContext,
  declared: readonly DeclaredVariable[],
  values: readonly DeliveredValue[],
): MaskPatterns {
  const names = declared.flatMap(({ name, value }) => ("reference" in value ? [name] : []));
  const secrets = values.flatMap((value, index) => {
    if (value.type === "text") return []; // no secret
    const bytes = bytesOf(value);
    if (bytes.length >= SHORTEST_VALUE) return [bytes];
    terminal.warn(`the value for ${names[index] ?? ""} is too short to be told from other text: it isn't masked.`);
    return [];
  });
  return new MaskPatterns(secrets);
}
