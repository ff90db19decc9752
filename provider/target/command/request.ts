import type { Secret } from "../../core/secret.js";
import type { TargetLogin, TargetSpec } from "../port.js";
import type { Operation } from "./answers.js";
import { findProgram } from "./programs.js";
import { type ProgramEnd, runProgram } from "./run-program.js";
import { CommandTarget } from "./schema.js";

/** What a session has to know of a description whose operations are left to programs, or to playbooks. */
export interface AskedTarget {
  /** Missing: nothing is asked before a set. */
  look?: unknown;
  /** Missing: an account is never removed. */
  remove?: unknown;
  account?: { create?: boolean | undefined } | undefined;
}

/** What carries operations out for a driver: programs of a folder, or playbooks. */
export interface Asker<Target extends AskedTarget> {
  /** The page that says how; for hints. */
  page: string;
  parse(description: Record<string, unknown>): Target;
  /** Before anything is drawn. @throws CoffreError CONFIGURATION if something that the description names can't run here */
  prepare(target: Target): Promise<void>;
  ask(request: Request<Target>): Promise<ProgramEnd>;
}

/** One thing that is asked of a target's program. */
export interface Request<Target extends AskedTarget = CommandTarget> {
  spec: TargetSpec;
  target: Target;
  operation: Operation;
  /** The account's password, to be set or proven. */
  password?: Secret;
  /** Who logs in to look, set or remove. */
  login?: TargetLogin;
  limitMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Asks a program, by one line of JSON on its standard input (docs/targets/command.md lists the fields; more may come, none is
 * renamed). JSON, since a device mostly needs two passwords, and since a value may hold any character.
 */
function ask({ spec, target, operation, password, login, limitMs, signal }: Request): Promise<ProgramEnd> {
  const { host, port } = target;
  const given = login === undefined ? undefined : { username: login.username, ...passwordOf(login.password) };
  const line = {
    operation,
    host,
    ...(port === undefined ? {} : { port }),
    username: spec.username,
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(given === undefined ? {} : { login: given }),
    ...(operation === "set" ? { create: target.account?.create === true } : {}),
    parameters: target.parameters ?? {},
    timeoutMs: Math.floor(limitMs),
  };
  return runProgram({
    operation,
    argv: argvFor(target, operation),
    input: `${JSON.stringify(line)}\n`,
    secrets: [password, login?.password].flatMap((secret) => (secret === undefined ? [] : [secret.reveal()])),
    environment: target.environment ?? [],
    limitMs,
    signal,
  });
}

/** Empty where the program logs in by means of its own. */
function passwordOf(password: Secret): { password?: string } {
  const text = password.reveal();
  return text === "" ? {} : { password: text };
}

function argvFor({ look, set, verify, remove }: CommandTarget, operation: Operation): readonly string[] {
  const command = { look, set, verify: verify === "none" ? undefined : verify, disable: remove, drop: remove }[
    operation
  ];
  return command?.argv ?? [];
}

/** Programs of the folder that this machine allows. */
export const programs: Asker<CommandTarget> = {
  page: "docs/targets/command.md",
  parse: (description) => CommandTarget.parse(description),
  async prepare(target) {
    for (const name of programsOf(target)) await findProgram(name);
  },
  ask,
};

/** The programs that a target names, each once. */
function programsOf({ look, set, verify, remove }: CommandTarget): string[] {
  const commands = [look, set, verify === "none" ? undefined : verify, remove];
  return [...new Set(commands.flatMap((command) => command?.argv[0] ?? []))];
}
