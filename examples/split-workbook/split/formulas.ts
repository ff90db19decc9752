/** A reference to a cell, maybe with the sheet's name before it. */
const REFERENCE =
  /(?<![\p{L}\d_.])(?<sheet>(?:'[^']*'|[\p{L}_][\p{L}\d_.]*)!)?(?<column>\$?[A-Z]{1,3})(?<row>\$?\d{1,7})(?![\p{L}\d_.(])/gu;
/** What reaches other cells by means that no reference shows: whole columns and rows, tables, names of functions that count cells. */
const ELSEWHERE =
  /[[\]{}#!]|\$?[A-Z]{1,3}:\$?[A-Z]{1,3}|\$?\d+:\$?\d+|\b(?:INDIRECT|OFFSET|ROW|ROWS|CELL|SHEET)\s*\(/iu;

/**
 * A formula as it must read in another row of a sheet that has not the same rows: only one that looks at its own row, by
 * references that move with it, means the same there.
 * @returns `undefined` for any other
 */
export function moveFormula(formula: string, fromRow: number, toRow: number): string | undefined {
  // Texts in quotes are no references: every second part.
  const parts = formula.split(/("(?:[^"]|"")*")/);
  let isOwn = true;
  const moved = parts.map((part, index) => {
    if (index % 2 === 1) return part;
    const rest = part.replaceAll(REFERENCE, (...found) => {
      const { sheet, column = "", row = "" } = found.at(-1) as Record<string, string | undefined>;
      if (sheet !== undefined || row !== String(fromRow)) isOwn = false;
      return `${column}${toRow}`;
    });
    if (ELSEWHERE.test(part)) isOwn = false;
    return rest;
  });
  return isOwn && !namesAnything(parts) ? moved.join("") : undefined;
}

/** A word that is no function and no reference is a name, and names may stand for any cell. */
function namesAnything(parts: readonly string[]): boolean {
  return parts.some((part, index) => {
    if (index % 2 === 1) return false;
    const words = part.replaceAll(REFERENCE, "").match(/[\p{L}_][\p{L}\d_.]*(?!\s*\()(?![\p{L}\d_.])/gu) ?? [];
    return words.some((word) => !/^(TRUE|FALSE)$/i.test(word));
  });
}
