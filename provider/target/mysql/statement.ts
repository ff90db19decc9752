import { ServerError } from "./errors.js";
import { firstColumn, kindOf, query, readError, readLength } from "./packets.js";
import type { MysqlWire } from "./wire.js";

/** More than any answer to our statements has: grants of the admin are the longest. */
const MOST_ROWS = 100_000;

/**
 * Runs one statement. @returns the first column of each row
 * @throws ServerError; WireError if the connection breaks before the answer is complete
 */
export async function run(wire: MysqlWire, sql: string): Promise<(string | null)[]> {
  wire.command(query(sql));
  const first = await answer(wire);
  const kind = kindOf(first, "statement");
  if (kind === "ok") return [];
  if (kind === "local-file") throw wire.notUnderstood(); // it asks for a file of this machine
  const { length: columns } = readLength(first);
  if (columns < 1 || columns > 64) throw wire.notUnderstood();
  for (let column = 0; column < columns; column++) await answer(wire);
  if (kindOf(await answer(wire), "statement") !== "end") throw wire.notUnderstood();
  const values: (string | null)[] = [];
  for (;;) {
    const row = await answer(wire);
    if (kindOf(row, "statement") === "end") return values;
    const value = firstColumn(row);
    if (value === undefined || values.length >= MOST_ROWS) throw wire.notUnderstood();
    values.push(value);
  }
}

async function answer(wire: MysqlWire): Promise<Buffer> {
  const payload = await wire.next();
  if (kindOf(payload, "statement") === "error") throw new ServerError(readError(payload));
  return payload;
}

/**
 * A statement that gives up by itself: waiting for locks, and in all. `lock_wait_timeout` has whole seconds, none of which
 * is more than it may take.
 */
export function limited(limitMs: number, sql: string): string {
  const seconds = limitMs / 1_000;
  return `SET STATEMENT max_statement_time=${seconds.toFixed(3)}, lock_wait_timeout=${Math.floor(seconds)} FOR ${sql}`;
}

/** For the server's log: without the line breaks that only we read. */
export function oneLine(sql: string): string {
  return sql.replace(/\n\s*/g, " ").trim();
}
