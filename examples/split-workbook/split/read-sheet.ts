import { type Cell, Workbook, type Worksheet } from "@cj-tech-master/excelts";
import { ClientGroups, type ClientRows } from "./client-names.ts";

/** Where the clients stand in a workbook. */
export interface SplitOptions {
  /** The heading of the column that names the client. */
  column: string;
  /** The sheet's name. Default: the first. */
  sheet?: string;
  /** Takes spellings that differ in case and spaces for one client. Default: refused. */
  mergeSpellings?: boolean;
  /** Leaves rows without a client out. Default: refused. */
  skipRowsWithoutClient?: boolean;
}

/** A sheet, with its rows by client. */
export interface ReadSheet {
  worksheet: Worksheet;
  /** The row of the headings; what stands above it belongs to every client. */
  headerRow: number;
  clients: ClientRows[];
}

/** The workbook can't be split as it is. Nothing was written. */
export class SplitError extends Error {
  override readonly name = "SplitError";
}

/** Headings are looked for in so many rows. */
const HEADING_ROWS = 50;
/** So many rows of one kind are named in an error. */
const NAMED = 10;

/** Reads a workbook and sorts its rows. @throws SplitError for a workbook that would give somebody the wrong rows */
export async function readSheet(file: string, options: SplitOptions): Promise<ReadSheet> {
  const workbook = new Workbook();
  await workbook.xlsx.readFile(file).catch((cause: unknown) => {
    throw new SplitError(`${file} can't be read as an Excel workbook (.xlsx)`, { cause });
  });
  const worksheet = options.sheet === undefined ? workbook.worksheets[0] : workbook.getWorksheet(options.sheet);
  if (!worksheet) {
    const names = workbook.worksheets.map(({ name }) => `"${name}"`).join(", ");
    throw new SplitError(`${file} has no sheet "${options.sheet ?? ""}", but ${names || "none"}`);
  }
  const [headerRow, column] = findHeading(worksheet, options.column);
  const groups = new ClientGroups();
  const nameless: number[] = [];
  const lastRow = worksheet.rowCount; // counted anew each time that it is asked
  for (let row = headerRow + 1; row <= lastRow; row++) {
    if (isEmpty(worksheet, row)) continue;
    const name = textOf(worksheet.getCell(row, column));
    if (name.trim() === "") nameless.push(row);
    else groups.add(name, row);
  }
  if (nameless.length > 0 && options.skipRowsWithoutClient !== true) {
    throw new SplitError(
      `${nameless.length} rows name no client: ${listed(nameless)}. Name one, or leave them out with --skip-rows-without-client`,
    );
  }
  if (options.mergeSpellings !== true) refuseSpellings(groups.all);
  if (groups.all.length === 0) throw new SplitError(`No row below "${options.column}" names a client`);
  return { worksheet, headerRow, clients: groups.all };
}

function findHeading(worksheet: Worksheet, heading: string): [row: number, column: number] {
  const found: [number, number][] = [];
  const { rowCount, columnCount } = worksheet;
  for (let row = 1; row <= Math.min(HEADING_ROWS, rowCount) && found.length === 0; row++) {
    for (let column = 1; column <= columnCount; column++) {
      const cell = worksheet.getCell(row, column);
      if (cell.master === cell && textOf(cell).trim() === heading) found.push([row, column]);
    }
  }
  const [first, second] = found;
  if (!first) throw new SplitError(`No cell of the first ${HEADING_ROWS} rows says "${heading}"`);
  if (second)
    throw new SplitError(`Row ${first[0]} says "${heading}" twice: which column names the client isn't clear`);
  return first;
}

function refuseSpellings(clients: readonly ClientRows[]): void {
  const doubtful = clients.filter(({ spellings }) => spellings.size > 1);
  if (doubtful.length === 0) return;
  const spelled = doubtful
    .slice(0, NAMED)
    .map(({ spellings }) => [...spellings].map(([name, row]) => `"${name}" (row ${row})`).join(" and "));
  throw new SplitError(
    `Is it the same client? ${spelled.join("; ")}${doubtful.length > NAMED ? "; and more" : ""}. ` +
      "Spell them alike, or say with --merge-spellings that they are",
  );
}

/** What a cell shows of its value; of a formula its result. */
export function textOf(cell: Cell): string {
  const { formula, result, text } = cell;
  if (formula === undefined) return text;
  return typeof result === "string" || typeof result === "number" || typeof result === "boolean" ? String(result) : "";
}

function isEmpty(worksheet: Worksheet, row: number): boolean {
  let isBlank = true;
  worksheet.findRow(row)?.eachCell({ includeEmpty: false }, (cell) => {
    // Cells of a merge that began in another row have its value, and no row of their own.
    if (cell.master === cell && cell.text.trim() !== "") isBlank = false;
  });
  return isBlank;
}

function listed(rows: readonly number[]): string {
  return rows.slice(0, NAMED).join(", ") + (rows.length > NAMED ? ", …" : "");
}
