import type { Secret } from "../../core/secret.js";
import type { TargetLogin, TargetSpec } from "../port.js";
import type { Operation } from "./answers.js";
import { type ProgramEnd, runProgram } from "./run-program.js";
import type { CommandTarget } from "./schema.js";

/** One thing that is asked of a target's program. */
export interface Request {
  spec: TargetSpec;
  target: CommandTarget;
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
export function ask({ spec, target, operation, password, login, limitMs, signal }: Request): Promise<ProgramEnd> {
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

/** The programs that a target names, each once. */
export function programsOf({ look, set, verify, remove }: CommandTarget): string[] {
  const commands = [look, set, verify === "none" ? undefined : verify, remove];
  return [...new Set(commands.flatMap((command) => command?.argv[0] ?? []))];
}
