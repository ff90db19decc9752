import { type Cell, decodeRange, encodeRange, Workbook, type Worksheet } from "@cj-tech-master/excelts";
import type { ClientRows } from "./client-names.ts";
import { moveFormula } from "./formulas.ts";
import type { ReadSheet } from "./read-sheet.ts";

/** A formula that looks beyond its own row stands for more than one client's rows. */
export interface LeftFormula {
  /** Of the cell in the sheet that was split. */
  address: string;
  /** `value`: its result stands there now. `empty`: nothing does, since above the headings a result speaks of all clients. */
  left: "value" | "empty";
}

/** A workbook of one client. */
export interface ClientWorkbook {
  bytes: Uint8Array;
  rows: number;
  leftFormulas: LeftFormula[];
}

/**
 * Makes the workbook of one client: a new one, with what stands above the headings, the headings and this client's rows, so
 * that nothing of anybody else's can be in it, hidden or not. Kept: values, formulas that look at their own row, formats,
 * column widths, row heights, hidden rows and columns, merged cells, frozen panes, filters and how it is printed.
 */
export async function writeClient({ worksheet, headerRow }: ReadSheet, client: ClientRows): Promise<ClientWorkbook> {
  const workbook = new Workbook();
  // The same rows make the same file: no date of today, and nobody's name.
  workbook.created = workbook.modified = new Date(Date.UTC(2000, 0, 1));
  const copy = workbook.addWorksheet(worksheet.name, {
    properties: { ...worksheet.properties },
    views: viewsOf(worksheet).map((view) => ({ ...view, activeCell: "A1" })),
  });
  const { printArea: _rowsOfAll, ...pageSetup } = worksheet.pageSetup;
  Object.assign(copy.pageSetup, pageSetup);
  Object.assign(copy.headerFooter, worksheet.headerFooter);
  copyColumns(worksheet, copy);
  const rows = [...Array.from({ length: headerRow }, (_, index) => index + 1), ...client.rows];
  const leftFormulas = rows.flatMap((from, index) => copyRow(worksheet, copy, { from, to: index + 1, headerRow }));
  copyMerges(worksheet, copy, rows);
  if (typeof worksheet.autoFilter === "string") copy.autoFilter = untilRow(worksheet.autoFilter, rows.length);
  const bytes = await workbook.xlsx.writeBuffer();
  return { bytes, rows: client.rows.length, leftFormulas };
}

/** A sheet that was read and has none has nothing here, whatever the type says. */
function viewsOf({ views }: { views?: Worksheet["views"] }): Worksheet["views"] {
  return views ?? [];
}

function copyColumns(from: Worksheet, to: Worksheet): void {
  const { columnCount } = from;
  for (let number = 1; number <= columnCount; number++) {
    const { width, hidden, outlineLevel, style } = from.getColumn(number);
    const column = to.getColumn(number);
    if (width !== undefined) column.width = width;
    if (hidden) column.hidden = true;
    if (outlineLevel) column.outlineLevel = outlineLevel;
    column.style = { ...style };
  }
}

function copyRow(
  source: Worksheet,
  copy: Worksheet,
  { from, to, headerRow }: { from: number; to: number; headerRow: number },
): LeftFormula[] {
  const left: LeftFormula[] = [];
  const row = source.findRow(from);
  if (!row) return left;
  const target = copy.getRow(to);
  if (row.height !== undefined) target.height = row.height;
  if (row.hidden) target.hidden = true;
  if (row.outlineLevel) target.outlineLevel = row.outlineLevel;
  row.eachCell({ includeEmpty: true }, (cell, number) => {
    const place = target.getCell(number);
    place.style = { ...cell.style };
    const own = valueOf(cell, from, to);
    if (own.isLeft) {
      const isAbove = from <= headerRow;
      left.push({ address: cell.address, left: isAbove ? "empty" : "value" });
      if (isAbove) return;
    }
    place.value = own.value;
    if (typeof cell.note === "string" && cell.note !== "") place.note = cell.note;
  });
  return left;
}

function valueOf(cell: Cell, from: number, to: number): { value: Cell["value"]; isLeft?: true } {
  const { formula, result } = cell.master;
  if (formula === undefined) return { value: cell.value };
  const moved = cell.master === cell ? moveFormula(formula, from, to) : undefined;
  if (moved !== undefined) return { value: { formula: moved, ...(result === undefined ? {} : { result }) } };
  return { value: result ?? null, isLeft: true };
}

/** Merges whose rows are all there, side by side; of others every cell has the value already. */
function copyMerges(source: Worksheet, copy: Worksheet, rows: readonly number[]): void {
  const placeOf = new Map(rows.map((row, index) => [row, index + 1]));
  for (const { top, left, bottom, right } of source.mergedRegions) {
    const [first, last] = [placeOf.get(top), placeOf.get(bottom)];
    if (first === undefined || last === undefined || last - first !== bottom - top) continue;
    copy.mergeCellsWithoutStyle({ top: first, left, bottom: last, right });
  }
}

function untilRow(range: string, lastRow: number): string {
  const { s, e } = decodeRange(range);
  return encodeRange({ s, e: { r: lastRow - 1, c: e.c } });
}
