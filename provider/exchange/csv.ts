import { CsvError, parse } from "csv-parse/sync";
import { CoffreError } from "../core/errors.js";
import type { ExchangeNote } from "./entry.js";
import { decodeText } from "./text.js";

/** How a kind of CSV is written. */
export interface CsvDialect {
  /** As people call it: `a LockSelf CSV`. */
  name: string;
  separator: ";" | ",";
  /** In this order. */
  columns: readonly string[];
  /** Those at the end that may be missing. */
  optional: number;
}

/** One line, by its columns. */
export interface CsvRow {
  /** Of the file, where the record ends; from 1. */
  line: number;
  cells: Readonly<Record<string, string>>;
}

const SEPARATORS = [
  [";", "a semicolon"],
  [",", "a comma"],
  ["\t", "a tab"],
  ["|", "a bar"],
] as const;

/**
 * The rows of a CSV. What is wrong with a row is a problem of its line; what is wrong with the whole file is thrown.
 * @param what for messages: its path
 * @throws CoffreError INVALID_INPUT: the separator, the header, no text at all
 */
export function readCsv(
  bytes: Uint8Array,
  dialect: CsvDialect,
  what: string,
): { rows: CsvRow[]; problems: ExchangeNote[] } {
  const text = decodeText(bytes, what);
  if (text.trim() === "") throw refused(what, "is empty", dialect);
  const header = checkHeader(text, dialect, what);
  const rows: CsvRow[] = [];
  const problems: ExchangeNote[] = [];
  for (const { record, info } of parseRecords(text, dialect, what)) {
    const line = info.lines;
    if (record.length === 1 && record[0]?.trim() === "") continue;
    if (record.length !== header.length) {
      const hint = "a cell with the separator, a quote or a line break in it needs quotes around it";
      problems.push({
        where: `line ${String(line)}`,
        what: `it has ${String(record.length)} cells, and the header ${String(header.length)}: ${hint}`,
      });
      continue;
    }
    rows.push({ line, cells: Object.fromEntries(header.map((name, index) => [name, record[index] ?? ""])) });
  }
  return { rows, problems };
}

interface Parsed {
  record: string[];
  info: { lines: number };
}

function parseRecords(text: string, { separator }: CsvDialect, what: string): Parsed[] {
  try {
    // With `info` each record comes with where it ended, which the library's types don't say.
    return parse(text, {
      delimiter: separator,
      relax_column_count: true,
      skip_empty_lines: true,
      from: 2,
      info: true,
    }) as unknown as Parsed[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Without its message, which quotes the cell.
    const line = "lines" in error && typeof error.lines === "number" ? ` on line ${String(error.lines)}` : "";
    const problem =
      error.code === "CSV_QUOTE_NOT_CLOSED"
        ? "has a quote that is never closed"
        : "has a quote in the middle of a cell";
    throw new CoffreError("INVALID_INPUT", `The file ${what} ${problem}${line}`, {
      hint: "A cell with a quote in it stands in quotes, and the quote in it is written twice. Nothing was changed.",
    });
  }
}

/** @returns the columns that the file has */
function checkHeader(text: string, dialect: CsvDialect, what: string): string[] {
  const { columns, optional, separator, name } = dialect;
  const line = text.slice(0, text.search(/\r?\n|$/));
  const cells = line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
  const needed = columns.length - optional;
  if (cells.length >= needed && cells.length <= columns.length && cells.every((cell, index) => cell === columns[index]))
    return cells;
  const [first = "", second = ""] = columns;
  const other = SEPARATORS.find(
    ([sign]) => sign !== separator && line.replaceAll('"', "").startsWith(`${first}${sign}${second}`),
  );
  if (other) {
    const wanted = SEPARATORS.find(([sign]) => sign === separator)?.[1] ?? separator;
    throw refused(what, `has ${other[1]} between its cells, where ${name} has ${wanted}`, dialect);
  }
  throw refused(what, `doesn't begin with the header of ${name}`, dialect);
}

function refused(what: string, problem: string, { columns, separator }: CsvDialect): CoffreError {
  return new CoffreError("INVALID_INPUT", `The file ${what} ${problem}`, {
    hint: `Its first line is ${columns.join(separator)}. Nothing was changed.`,
  });
}
