import type { KeyObject } from "node:crypto";
import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { open, seal } from "../../vault/embedded/seal.js";
import { bytesOf, numberOf, type SqlRow, textOf } from "../../vault/embedded/sqlite.js";
import type { StateFile } from "../state-file.js";

/** Events of one span. Reading one more of them than a question needs costs a third of a millisecond. */
export const SPAN_EVENTS = 200;

/** How many spans are read at once. */
const SPANS_AT_ONCE = 1_000;

/** Consecutive events of the log, and between which times they lie: clocks may have been set back within. */
export interface LogSpan {
  /** Number of its first event. */
  first: number;
  last: number;
  /** The earliest time of any of them, milliseconds since 1970. */
  from: number;
  to: number;
}

/** How far the log was read, and what has to be known to go on from there. */
export interface Checkpoint {
  /** The last event that the index knows; the end of a span. */
  seq: number;
  /** What is added to the numbers of events from here on: see `EntryNumbers`. */
  era: number;
  /** Proof of the log's head at a time when it had all these events: another log is told by it. */
  proof: string;
}

/** What the log tells of one entry. */
export interface IndexedEntry {
  number: number;
  /** When the entry was last changed, ISO 8601, UTC; empty for what has no such date. */
  changedAt: string;
}

const CheckpointText = z.object({ seq: z.int(), era: z.int(), proof: z.string() });
const SpanText = z.tuple([z.int(), z.int()]);

const TABLES = [
  "CREATE TABLE IF NOT EXISTS lockself_log (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
  "CREATE TABLE IF NOT EXISTS lockself_span (last INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
  "CREATE TABLE IF NOT EXISTS lockself_entry (id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, " +
    "changed_at TEXT NOT NULL, tag BLOB NOT NULL) STRICT",
];
/** The only row of its table. */
const CHECKPOINT = 1;

/**
 * What the front has learnt from the vault's event log, in the server's own file, so that no start reads the log again:
 * the numbers of entries, and the times of spans of events. All of it follows from the log. Rows are sealed, since who can
 * write the file only must not move a number to another entry.
 */
export class LogIndex {
  readonly #file: StateFile;
  readonly #key: KeyObject;

  constructor(file: StateFile, key: KeyObject) {
    this.#file = file;
    this.#key = key;
    for (const table of TABLES) file.connection.db.exec(table);
  }

  /** `undefined`: there is none, or none that this server wrote. */
  checkpoint(): Checkpoint | undefined {
    const row = this.#get("SELECT body FROM lockself_log WHERE id = ?", CHECKPOINT);
    const opened = row && open(this.#key, place("log"), bytesOf(row, "body"));
    return opened && CheckpointText.parse(JSON.parse(opened.toString("utf8")));
  }

  /** @throws CoffreError CORRUPT */
  entry(id: string): IndexedEntry | undefined {
    return this.#entryOf(this.#get("SELECT * FROM lockself_entry WHERE id = ?", id))?.entry;
  }

  /** The id of the entry with this number. @throws CoffreError CORRUPT */
  idOf(number: number): string | undefined {
    return this.#entryOf(this.#get("SELECT * FROM lockself_entry WHERE number = ?", number))?.id;
  }

  /** All spans up to the checkpoint, oldest first. @throws CoffreError CORRUPT if one was altered or is missing */
  *spans({ seq }: Pick<Checkpoint, "seq">): Iterable<LogSpan> {
    const page = `SELECT last, body FROM lockself_span WHERE last > ? ORDER BY last LIMIT ${SPANS_AT_ONCE}`;
    for (let last = 0; last < seq;) {
      // Read at once, since whoever asks may wait between two of them.
      const rows = this.#file.connection.prepare(page).all(last);
      if (rows.length === 0) throw this.#altered();
      for (const row of rows) {
        if (last >= seq) return;
        last += SPAN_EVENTS;
        const opened = open(this.#key, place("span", last), bytesOf(row, "body"));
        if (numberOf(row, "last") !== last || !opened) throw this.#altered();
        const [from, to] = SpanText.parse(JSON.parse(opened.toString("utf8")));
        yield { first: last - SPAN_EVENTS + 1, last, from, to };
      }
    }
  }

  /** Writes what was learnt up to the checkpoint; all or nothing. */
  async advance(
    checkpoint: Checkpoint,
    spans: readonly LogSpan[],
    entries: ReadonlyMap<string, IndexedEntry>,
  ): Promise<void> {
    const { connection } = this.#file;
    await this.#file.write(() => {
      for (const { last, from, to } of spans) {
        const body = this.#seal(place("span", last), JSON.stringify([from, to]));
        connection.prepare("INSERT OR REPLACE INTO lockself_span (last, body) VALUES (?, ?)").run(last, body);
      }
      for (const [id, { number, changedAt }] of entries) {
        connection
          .prepare("INSERT OR REPLACE INTO lockself_entry (id, number, changed_at, tag) VALUES (?, ?, ?, ?)")
          .run(id, number, changedAt, this.#seal(place("entry", id, number, changedAt), ""));
      }
      connection
        .prepare("INSERT OR REPLACE INTO lockself_log (id, body) VALUES (?, ?)")
        .run(CHECKPOINT, this.#seal(place("log"), JSON.stringify(checkpoint)));
    });
  }

  /** Forgets everything: it is another log's. */
  async clear(): Promise<void> {
    const { db } = this.#file.connection;
    await this.#file.write(() =>
      db.exec("DELETE FROM lockself_log; DELETE FROM lockself_span; DELETE FROM lockself_entry"),
    );
  }

  #entryOf(row: SqlRow | undefined): { id: string; entry: IndexedEntry } | undefined {
    if (!row) return undefined;
    const id = textOf(row, "id");
    const entry = { number: numberOf(row, "number"), changedAt: textOf(row, "changed_at") };
    if (!open(this.#key, place("entry", id, entry.number, entry.changedAt), bytesOf(row, "tag"))) throw this.#altered();
    return { id, entry };
  }

  #get(sql: string, key: string | number): SqlRow | undefined {
    return this.#file.connection.prepare(sql).get(key);
  }

  #seal(where: string, text: string): Buffer {
    return seal(this.#key, where, Buffer.from(text));
  }

  #altered(): CoffreError {
    return new CoffreError("CORRUPT", `What ${this.#file.path} keeps of the event log was altered`, {
      hint: "Move the file away, make the tokens anew, and restart the server: it reads the log again.",
    });
  }
}

function place(table: "log" | "span" | "entry", ...columns: readonly (string | number)[]): string {
  return ["coffre serve lockself", table, ...columns].join(" ");
}
