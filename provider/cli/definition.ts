import type { CommandContext, GlobalOptions } from "./context.js";

/** One option of a command, or one that all commands have. */
export interface OptionDefinition {
  /** As commander reads it: `-n, --no-newline`, `--after <number>`. */
  flags: string;
  /** One sentence without a full stop; it stands in a column of the help. */
  description: string;
  /** Taken, but not shown: options that only exist to be refused with a reason. */
  hidden?: boolean;
}

/** What a command was called with. */
export interface CommandInput {
  args: readonly string[];
  /** By their names in words put together: `--no-newline` is `newline: false`, `--dry-run` is `dryRun: true`. */
  options: Readonly<Record<string, unknown>>;
}

/** A line of words as it was understood. */
export interface CommandLine extends CommandInput {
  /** The command's options and those that every command has, as one. */
  all: GlobalOptions;
}

/**
 * One command: what it does, and every word that its help page and `docs/commands/` say about it. A definition imports
 * nothing heavy at its top, except what `run` needs anyway: only the called command's file is loaded.
 */
export interface CommandDefinition {
  /** The words after `coffre`: `read`, `vault key add`. */
  name: string;
  /** One line, for the list of commands. */
  summary: string;
  /** Paragraphs, in the order of what a reader needs first. */
  description: readonly string[];
  /** `<ref>` is needed, `[ref...]` may be left out. */
  arguments?: readonly { name: string; description: string }[];
  options?: readonly OptionDefinition[];
  examples: readonly { command: string; does: string }[];
  /** What `--json` prints, in words and keys. */
  json: string;
  /** Exit codes that mean something of their own here. */
  exits?: readonly { code: number; when: string }[];
  /** True if its arguments are references: shells complete them from the vault. */
  takesReferences?: boolean;
  /** @returns the exit code; nothing means 0. @throws CoffreError, whose own code then ends the program */
  run(context: CommandContext, input: CommandInput): Promise<number | void>;
}

/** Options that every command has. */
export const GLOBAL_OPTIONS: readonly OptionDefinition[] = [
  { flags: "--vault, --url <url>", description: "the vault to use, for example file:///srv/coffre/prod.db" },
  { flags: "--key-file <path>", description: "the key file that opens it" },
  { flags: "--passphrase-file <path>", description: "the file with the passphrase that opens it" },
  { flags: "--transit-key <url>", description: "the key in a server's transit engine that opens it" },
  { flags: "--token-file <path>", description: "the file with the token, secret id or JWT for its server" },
  { flags: "--json", description: "one JSON value on stdout, and errors as JSON on stderr" },
  { flags: "--quiet", description: "no notes, warnings or progress on stderr" },
];

/** What each exit code means, in every command. */
export const EXIT_CODES: readonly { code: number; means: string }[] = [
  { code: 0, means: "done" },
  { code: 1, means: "it failed; also where no vault stands at the configured URL" },
  { code: 2, means: "wrong usage, or input that can't be right" },
  { code: 3, means: "not found: the vault answered, and has no such thing" },
  { code: 4, means: "forbidden: no right, a wrong key, a refused login" },
  { code: 5, means: "conflict: somebody else has it, or another vault answers" },
  { code: 6, means: "a person has to decide: see `coffre attention`" },
  { code: 129, means: "ended by SIGHUP, such as of a closed terminal; run it again to go on" },
  { code: 130, means: "interrupted by Ctrl-C; run it again to go on" },
  { code: 143, means: "ended by SIGTERM; run it again to go on" },
];

/** Groups of commands whose name has several words. */
export const GROUPS: Readonly<Record<string, string>> = {
  vault: "make a vault, check it, keep it, and say who opens it",
  "vault key": "the keys that open the vault: one for each person or runner",
  mail: "the mail that the vault owes to people",
  category: "the folders in which credentials stand, and what holds in them",
  box: "drop-boxes: what people outside were asked for, and what they deposited",
  token: "the tokens by which `coffre serve` knows who asks",
};
