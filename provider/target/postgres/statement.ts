import { DatabaseError, serialize } from "pg-protocol";
import { CommandCompleteMessage, DataRowMessage } from "pg-protocol/dist/messages.js";
import { ServerError } from "./errors.js";
import { WireError } from "../common/wire.js";
import type { PostgresWire } from "./wire.js";

/** The end of an answer. */
export interface Answer {
  /** First column of the last row; undefined if there was no row. */
  value: string | null | undefined;
  /** What the last statement did, for example `COMMIT` or `ALTER ROLE`. */
  tag: string;
}

/**
 * Runs one or more statements, sent as one message: the server runs them in order and skips the rest after an error.
 * @throws ServerError for the first error; WireError if the connection breaks before the answer is complete
 */
export async function run(wire: PostgresWire, sql: string): Promise<Answer> {
  wire.send(serialize.query(sql));
  return answerOf(wire);
}

/**
 * Sends several messages without waiting in between: the server takes each once it has answered the one before, also after
 * an error.
 * @returns what each was answered; from where the connection broke on, why it did
 */
export async function runEach(wire: PostgresWire, ...sql: string[]): Promise<(Answer | ServerError | WireError)[]> {
  wire.send(...sql.map((text) => serialize.query(text)));
  const answers: (Answer | ServerError | WireError)[] = [];
  while (answers.length < sql.length) {
    const answer = await answerOf(wire).catch((error: unknown) => {
      if (error instanceof ServerError || error instanceof WireError) return error;
      throw error;
    });
    answers.push(answer);
  }
  return answers;
}

/** A statement that a connection keeps, so that the server plans it once. */
export interface Prepared {
  name: string;
  /** With `$1`, `$2` … for its values. */
  text: string;
}

/** What is kept, by connection. */
const kept = new WeakMap<PostgresWire, Set<string>>();

/** Runs a statement that is kept on the connection from its first run on. @throws as {@link run} */
export async function runPrepared(wire: PostgresWire, { name, text }: Prepared, values: string[]): Promise<Answer> {
  const names = kept.get(wire) ?? new Set();
  kept.set(wire, names);
  const first = names.has(name) ? [] : [serialize.parse({ name, text })];
  wire.send(...first, serialize.bind({ statement: name, values }), serialize.execute(), serialize.sync());
  const answer = await answerOf(wire);
  names.add(name);
  return answer;
}

async function answerOf(wire: PostgresWire): Promise<Answer> {
  const answer: Answer = { value: undefined, tag: "" };
  let refusal: ServerError | undefined;
  for (;;) {
    const message = await wire.next().catch((error: unknown) => {
      throw refusal ?? error; // after a fatal error the server says why, and hangs up
    });
    if (message instanceof DatabaseError) refusal ??= new ServerError(message.code, message.message);
    else if (message instanceof DataRowMessage) answer.value = firstColumn(message);
    else if (message instanceof CommandCompleteMessage) answer.tag = message.text;
    else if (message.name === "readyForQuery") break;
  }
  if (refusal !== undefined) throw refusal;
  return answer;
}

function firstColumn({ fields }: DataRowMessage): string | null {
  const value: unknown = fields[0]; // the library declares `any`; text columns are strings
  return typeof value === "string" ? value : null;
}

/**
 * Begins a transaction that the server itself limits: no statement, wait for a lock or pause of ours lasts longer than
 * `limitMs`. A commit is durable where the server's own setting is weaker. A superuser also keeps the verifier out of the
 * server's log, also if a statement fails; this must have happened before the server receives the verifier.
 */
export function beginQuery(limitMs: number): string {
  const set = (name: string, value: string) => `set_config('${name}', ${value}, true)`;
  const limits = ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"];
  return oneLine(`
    BEGIN;
    SELECT ${limits.map((name) => set(name, `'${Math.ceil(limitMs)}'`)).join(", ")},
           ${set("synchronous_commit", "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END")};
    SELECT ${set("log_statement", "'none'")}, ${set("log_min_duration_statement", "'-1'")}, ${set("log_min_error_statement", "'panic'")}
    WHERE current_setting('is_superuser')::bool;`);
}

/** For the server's log: without the line breaks that only we read. No name that is quoted in a statement can have one. */
export function oneLine(sql: string): string {
  return sql.replace(/\n\s*/g, " ").trim();
}
