import { isUtf8 } from "node:buffer";
import * as z from "zod";
import { CoffreError } from "../../../core/errors.js";
import { tablesOf } from "../tables.js";
import {
  AnyHeader,
  BACKUP_FORMAT,
  type BackupEnd,
  type BackupHeader,
  EndLine,
  HeaderLine,
  isSigned,
  newDigest,
} from "./format.js";
import { lineStart } from "./lines.js";

/** No line is longer: a value of ten megabytes fits several times. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Who takes a backup apart. */
export interface BackupConsumer {
  /** Once, first. */
  header(header: BackupHeader): void;
  /** A row of a table of `DATA_TABLES`. */
  row(table: string, id: string, revision: number, text: string): void;
  /** A block of the log. */
  block(number: number, seq: number, text: string): void;
}

/** Any JSON object: what stands in it is for whoever takes it. */
const JsonObject = z.custom<object>((value) => typeof value === "object" && value !== null && !Array.isArray(value));
const RowLine = z.tuple([z.string(), z.string(), z.int().positive(), JsonObject]);
const BlockLine = z.tuple([z.literal("log"), z.int().positive(), z.int().nonnegative(), JsonObject]);

/**
 * Reads the decrypted bytes of a backup, line by line. What the consumer was given counts only when this has returned:
 * the end says whether all of it was there, and its signature whether it is as it was written.
 * @throws CoffreError CORRUPT for anything that no backup says; NEWER_FORMAT
 */
export async function parseBackup(bytes: AsyncIterable<Uint8Array>, consumer: BackupConsumer): Promise<BackupEnd> {
  const digest = newDigest();
  let format = 0;
  let rows: Record<string, number> = {};
  let blocks = 0;
  let number = 0;
  let end: BackupEnd | undefined;
  for await (const bytesOfLine of linesOf(bytes)) {
    number += 1;
    if (end) throw broken(number, "something follows its end");
    const line = decode(bytesOfLine, number);
    const value = parseJson(line, number);
    if (number > 1 && !Array.isArray(value)) {
      end = checked(EndLine.safeParse(value).data, number).end;
      // No digest is over this line: it is taken in the one form in which it is written.
      if (line !== JSON.stringify({ end })) throw broken(number, "it isn't written as a backup's end is");
      continue;
    }
    digest.update(bytesOfLine).update("\n");
    if (number === 1) {
      const header = parseHeader(value);
      format = header.coffreBackup;
      rows = Object.fromEntries(tablesOf(format).map(({ name }) => [name, 0]));
      consumer.header(header);
      continue;
    }
    if (Array.isArray(value) && value[0] === "log") {
      const [, blockNumber, seq] = checked(BlockLine.safeParse(value).data, number);
      blocks += 1;
      consumer.block(blockNumber, seq, textOf(line, lineStart("log", blockNumber, seq), number));
      continue;
    }
    const [table, id, revision] = checked(RowLine.safeParse(value).data, number);
    if (rows[table] === undefined || !Object.hasOwn(rows, table)) throw broken(number, "it names a table that is none");
    rows[table] += 1;
    consumer.row(table, id, revision, textOf(line, lineStart(table, id, revision), number));
  }
  if (!end || number < 2) throw cutShort();
  const same = end.blocks === blocks && JSON.stringify(end.rows) === JSON.stringify(rows);
  if (!same || end.sha256 !== digest.digest("hex") || !isSigned(format, end)) {
    throw corruptBackup("isn't as it was written: its rows and its signed end don't fit");
  }
  return end;
}

function parseHeader(value: unknown): BackupHeader {
  const format = AnyHeader.safeParse(value).data?.coffreBackup;
  if (format === undefined) throw corruptBackup("is an age file, but no backup of a vault");
  if (format > BACKUP_FORMAT) {
    throw new CoffreError("NEWER_FORMAT", `The backup has format ${format}; this release knows ${BACKUP_FORMAT}`, {
      hint: "Update Coffre here; nothing was changed.",
      details: { format, known: BACKUP_FORMAT },
    });
  }
  return checked(HeaderLine.safeParse(value).data, 1);
}

/** Splits at line feeds; a last line without one is a line too, which is then cut. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      yield Buffer.concat([...parts, chunk.subarray(from, at)]);
      [parts, length] = [[], 0];
      from = at + 1;
    }
    parts.push(chunk.slice(from)); // a copy: the stream may use its chunk again
    length += chunk.length - from;
    if (length > LONGEST_LINE_BYTES) throw corruptBackup("has a line that is longer than any of a backup");
  }
  if (length > 0) throw cutShort();
}

function decode(bytes: Uint8Array, line: number): string {
  if (!isUtf8(bytes)) throw broken(line, "it is no UTF-8 text");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function parseJson(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw broken(number, "it is no JSON"); // without the cause: it would repeat what stands there
  }
}

/** The part of a line between its known beginning and the bracket at its end. */
function textOf(line: string, start: string, number: number): string {
  if (!line.startsWith(start) || !line.endsWith("]")) throw broken(number, "it isn't written as a backup's lines are");
  return line.slice(start.length, -1);
}

function checked<T>(value: T | undefined, line: number): T {
  if (value === undefined) throw broken(line, "it isn't what a backup says there");
  return value;
}

function broken(line: number, problem: string): CoffreError {
  return corruptBackup(`is damaged in line ${line}: ${problem}`);
}

function cutShort(): CoffreError {
  return corruptBackup("is cut short: its end is missing");
}

/** A file that is no whole backup, as it was written. */
export function corruptBackup(problem: string, cause?: unknown): CoffreError {
  return new CoffreError("CORRUPT", `The backup ${problem}`, {
    hint: "Nothing was changed. Take another copy of it, or an earlier one.",
    ...(cause === undefined ? {} : { cause }),
  });
}
