import { parseArgs } from "node:util";
import { type CommandDefinition, type CommandLine, GLOBAL_OPTIONS, type OptionDefinition } from "./definition.js";

/** One name of an option. */
interface PlainOption {
  /** As in {@link CommandLine.options}. */
  key: string;
  takes: "nothing" | "value" | "values";
  negative: boolean;
  isGlobal: boolean;
  short?: string;
}

/**
 * Reads a line in the form that nearly all have, as the parser would, which takes as long to load as Node to start: the
 * command's words, options that are known, as many arguments as the command takes.
 * @returns `undefined` for every other line, mistakes and questions for help among them: those are the parser's
 */
export function readPlainLine(definition: CommandDefinition, words: readonly string[]): CommandLine | undefined {
  const known = namesOf(definition);
  const tokens = known && tokensOf(words.slice(definition.name.split(" ").length), known);
  if (!known || !tokens) return undefined;
  const options = defaultsOf(known);
  const globals: Record<string, unknown> = {};
  const args: string[] = [];
  let takesSeveral = false;
  let ended = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") {
      ended = true;
    } else if (token.kind === "positional") {
      // The parser takes what follows an option of several values for one more of them.
      if (takesSeveral && !ended) return undefined;
      args.push(token.value);
    } else {
      const option = known.get(token.name);
      if (!option) return undefined;
      const { key, takes, negative, isGlobal } = option;
      const given = isGlobal ? globals : options;
      takesSeveral ||= takes === "values";
      if (takes === "nothing") given[key] = !negative;
      else if (takes === "value") given[key] = token.value;
      else given[key] = [...((given[key] as unknown[] | undefined) ?? []), token.value]; // made here, by this very line
    }
  }
  if (!takesAsMany(definition, args.length)) return undefined;
  return { args, options, all: { ...options, ...globals } };
}

function tokensOf(words: readonly string[], known: ReadonlyMap<string, PlainOption>) {
  // Node takes the rest of such a group for the end of the options, the parser doesn't.
  if (words.some((word) => /^-[^-].*-/.test(word))) return undefined;
  const options = [...known].map(([name, { takes, short }]) => {
    const type = takes === "nothing" ? "boolean" : "string";
    return [name, { type, ...(short === undefined ? {} : { short }) }] as const;
  });
  try {
    const args = [...words];
    return parseArgs({ args, options: Object.fromEntries(options), allowPositionals: true, tokens: true }).tokens;
  } catch {
    return undefined; // the parser says what is wrong with it
  }
}

/** Every option by each of its long names; `undefined` for a command that has a name which all commands have. */
function namesOf({ options = [] }: CommandDefinition): Map<string, PlainOption> | undefined {
  const all = [
    ...GLOBAL_OPTIONS.flatMap((option) => plainOptions(option, true)),
    ...options.flatMap((option) => plainOptions(option, false)),
  ];
  const known = new Map(all);
  return known.size === all.length ? known : undefined;
}

function plainOptions({ flags }: OptionDefinition, isGlobal: boolean): [string, PlainOption][] {
  if (flags.includes("[")) return []; // with a value or without: the parser knows
  const names = [...flags.matchAll(/--([a-z-]+)/g)].map(([, name]) => name ?? "");
  const last = names.at(-1) ?? "";
  const negative = last.startsWith("no-");
  const key = last.slice(negative ? 3 : 0).replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
  const takes = flags.includes("...>") ? "values" : flags.includes("<") ? "value" : "nothing";
  const short = /^-([a-z]),/.exec(flags)?.[1];
  return names.map((name) => [name, { key, takes, negative, isGlobal, ...(short === undefined ? {} : { short }) }]);
}

/** An option that can only be switched off is on. */
function defaultsOf(known: ReadonlyMap<string, PlainOption>): Record<string, unknown> {
  const own = [...known.values()].filter(({ isGlobal }) => !isGlobal);
  const positive = new Set(own.filter(({ negative }) => !negative).map(({ key }) => key));
  const on = own.filter(({ negative, key }) => negative && !positive.has(key)).map(({ key }) => [key, true]);
  return Object.fromEntries(on) as Record<string, unknown>;
}

function takesAsMany({ arguments: declared = [] }: CommandDefinition, count: number): boolean {
  const needed = declared.filter(({ name }) => name.startsWith("<")).length;
  const most = declared.some(({ name }) => name.includes("...")) ? Infinity : declared.length;
  return count >= needed && count <= most;
}
