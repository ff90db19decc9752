import { PASSWORD_FIELD } from "../core/field.js";
import { type CsvDialect, readCsv } from "./csv.js";
import { type ExchangeEntry, type ExchangeFile, newExchangeFile } from "./entry.js";
import { addValue, Placing, textOf } from "./placing.js";
import { FORMULA_RISK, isFormula } from "./text.js";

/** What Chrome, Edge and other browsers of their kind export; older ones have no notes. */
const CHROME: CsvDialect = {
  name: "a browser's CSV",
  separator: ",",
  columns: ["name", "url", "username", "password", "note"],
  optional: 1,
};

/** @throws CoffreError INVALID_INPUT for what no line of its own has */
export function readChromeCsv(bytes: Uint8Array, what: string): ExchangeFile {
  const file = newExchangeFile();
  const { rows, problems } = readCsv(bytes, CHROME, what);
  file.problems.push(...problems);
  const placing = new Placing(file);
  for (const { line, cells } of rows) {
    const where = `line ${String(line)}`;
    const of = (column: string) => cells[column] ?? "";
    const name = of("name") || hostOf(of("url"));
    if (of("password") === "")
      file.notes.push({ where, field: "password", what: "it has none: the entry awaits its value" });
    const entry: ExchangeEntry = {
      origin: where,
      path: placing.pathOf(where, [], name, of("username")),
      ...textOf("url", of("url")),
      ...textOf("username", of("username")),
      ...textOf("description", of("note")),
      tags: [],
      values: [],
    };
    addValue(file, entry, PASSWORD_FIELD, "secret", of("password"), "password");
    for (const column of ["name", "url", "username", "note"]) {
      if (isFormula(of(column))) file.notes.push({ where, field: column, what: FORMULA_RISK });
    }
    file.entries.push(entry);
  }
  return file;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : "";
}
