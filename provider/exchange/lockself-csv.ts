import { PASSWORD_FIELD } from "../core/field.js";
import {
  LOCKSELF_CSV_COLUMNS,
  LOCKSELF_CSV_FORM,
  type LockselfCsvRow,
  writeLockselfCsv as writeRows,
} from "../core/lockself-csv.js";
import { type CsvDialect, readCsv } from "./csv.js";
import {
  count,
  currentOf,
  type ExchangeEntry,
  type ExchangeFile,
  type ExchangeNote,
  newExchangeFile,
  pathText,
} from "./entry.js";
import { addValue, Placing, textOf } from "./placing.js";
import { FORMULA_RISK, isFormula } from "./text.js";

/** LockSelf's default format. Source: its help centre, "Importer mes mots de passe", 4411387329298. */
export const LOCKSELF: CsvDialect = {
  name: "a LockSelf CSV",
  separator: LOCKSELF_CSV_FORM.delimiter,
  columns: [...LOCKSELF_CSV_COLUMNS],
  optional: 0,
};

/** The columns without a meaning of their own; what stands there may be a secret, so it is kept as one. */
const OPTIONS = ["Opt1", "Opt2", "Opt3"] as const;
/** The name that LockSelf's personal space has in the category's column. */
const PERSONAL = "Perso";

/** @throws CoffreError INVALID_INPUT for what no line of its own has */
export function readLockselfCsv(bytes: Uint8Array, what: string): ExchangeFile {
  const file = newExchangeFile();
  const { rows, problems } = readCsv(bytes, LOCKSELF, what);
  file.problems.push(...problems);
  const placing = new Placing(file);
  for (const { line, cells } of rows) {
    const where = `line ${String(line)}`;
    const of = (column: string) => cells[column] ?? "";
    if (of("Name") === "") file.problems.push({ where, field: "Name", what: "it is empty" });
    if (of("Password") === "") file.problems.push({ where, field: "Password", what: "it is empty" });
    const category = of("Category/SubCategory");
    const categories = category === "" ? [] : category.split("/").map((name) => name.trim());
    if (categories.includes("")) {
      file.problems.push({ where, field: "Category/SubCategory", what: "it has a category without a name" });
      continue;
    }
    if (categories[0] === PERSONAL)
      file.notes.push({ where, what: `it was in a personal space; here it is in the category ${PERSONAL}` });
    const entry: ExchangeEntry = {
      origin: where,
      path: placing.pathOf(where, categories, of("Name"), of("Username")),
      ...textOf("url", of("URL")),
      ...textOf("username", of("Username")),
      ...textOf("description", of("Description")),
      tags: [
        ...new Set(
          of("Tags")
            .split(",")
            .map((tag) => tag.trim())
            .filter((tag) => tag !== ""),
        ),
      ],
      values: [],
    };
    addValue(file, entry, PASSWORD_FIELD, "secret", of("Password"), "Password");
    for (const column of OPTIONS) addValue(file, entry, column.toLowerCase(), "secret", of(column), column);
    addValue(file, entry, "totp", "totp", of("Totp"), "Totp");
    for (const column of ["Name", "URL", "Username", "Description"]) {
      if (isFormula(of(column))) file.notes.push({ where, field: column, what: FORMULA_RISK });
    }
    file.entries.push(entry);
  }
  return file;
}

/** @param root the category of entries that stand in none: LockSelf knows no such place */
export function writeLockselfCsv(
  entries: readonly ExchangeEntry[],
  root: string,
): { bytes: Buffer; notes: ExchangeNote[] } {
  const notes: ExchangeNote[] = [];
  const rows = entries.map((entry) => {
    const row = rowOf(entry, root, notes);
    for (const field of LOCKSELF_CSV_COLUMNS) {
      if (isFormula(row[field])) notes.push({ where: pathText(entry.path), field, what: FORMULA_RISK });
    }
    return row;
  });
  return { bytes: writeRows(rows), notes };
}

function rowOf(entry: ExchangeEntry, root: string, notes: ExchangeNote[]): LockselfCsvRow {
  const where = pathText(entry.path);
  const note = (what: string, field?: string) => notes.push({ where, what, ...(field === undefined ? {} : { field }) });
  const held = new Set<string>([PASSWORD_FIELD]);
  const value = (field: string) => {
    held.add(field);
    return currentOf(entry, field)?.value.reveal() ?? "";
  };
  const option = (column: (typeof OPTIONS)[number]) => {
    const name = column.toLowerCase();
    const type = currentOf(entry, name)?.type;
    return type === "secret" || type === "text" ? value(name) : "";
  };
  const [Opt1, Opt2, Opt3] = [option("Opt1"), option("Opt2"), option("Opt3")];
  const seeds = entry.values.filter(({ field }) => currentOf(entry, field)?.type === "totp").map(({ field }) => field);
  const seed = seeds.includes("totp") ? "totp" : seeds[0];
  if (seed !== undefined && seed !== "totp") note("the column Totp has no name for it", seed);
  const totp = seed === undefined ? "" : value(seed);
  const password = value(PASSWORD_FIELD);
  if (password === "") note("it has no password, and LockSelf takes no entry without one", PASSWORD_FIELD);
  for (const { field, versions, isCurrent } of entry.values) {
    const earlier = versions.length - (isCurrent ? 1 : 0);
    if (earlier > 0) note(`${count(earlier, "earlier version")}: a CSV has none`, field);
    if (isCurrent && !held.has(field)) note("a CSV of LockSelf has no column for it", field);
  }
  const path = entry.path.slice(0, -1);
  if (path.length === 0) note(`it is in no category, and goes to ${root}`);
  if (path[0] === PERSONAL)
    note(`LockSelf takes the category ${PERSONAL} for the personal space of whoever imports it`);
  const tags = entry.tags.map((tag) => tag.replaceAll(",", " ").trim());
  if (tags.some((tag, index) => tag !== entry.tags[index])) note("a comma in a tag is a space there", "tags");
  const category = path.length === 0 ? root : pathText(path);
  return {
    Name: entry.path.at(-1) ?? "",
    URL: entry.url ?? "",
    Username: entry.username ?? "",
    Password: password,
    "Category/SubCategory": category,
    Tags: tags.join(","),
    Description: entry.description ?? "",
    Opt1,
    Opt2,
    Opt3,
    Totp: totp,
  };
}
