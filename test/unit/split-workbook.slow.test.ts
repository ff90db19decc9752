import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Cell, Workbook, type Worksheet } from "@cj-tech-master/excelts";
import { fileNameOf } from "../../examples/split-workbook/split/client-names.ts";
import { moveFormula } from "../../examples/split-workbook/split/formulas.ts";
import { readSheet, type SplitOptions } from "../../examples/split-workbook/split/read-sheet.ts";
import { writeClient, type ClientWorkbook } from "../../examples/split-workbook/split/write-client.ts";

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "coffre-split-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILL = { type: "pattern", pattern: "solid", fgColor: { argb: "FF1F4E78" } } as const;
let made = 0;

/** A workbook with a title, headings and these rows; `shape` changes it before it is written. */
async function workbook(rows: unknown[][], shape: (sheet: Worksheet, workbook: Workbook) => void = () => {}) {
  const book = new Workbook();
  book.creator = "somebody";
  const sheet = book.addWorksheet("March", { views: [{ state: "frozen", ySplit: 2 }] });
  sheet.getCell("A1").value = "Statement of March";
  sheet.mergeCells("A1:D1");
  sheet.getRow(1).height = 30;
  sheet.addRow(["Client", "Day", "Amount", "Tax"]).eachCell((cell) => {
    cell.fill = FILL;
    cell.font = { bold: true };
  });
  for (const row of rows) sheet.addRow(row as never);
  for (const [index, width] of [28, 14, 12, 11].entries()) sheet.getColumn(index + 1).width = width;
  sheet.getColumn(2).numFmt = "dd/mm/yyyy";
  sheet.getColumn(3).numFmt = "#,##0.00 €";
  sheet.autoFilter = `A2:D${rows.length + 2}`;
  shape(sheet, book);
  const file = join(folder, `${made++}.xlsx`);
  await book.xlsx.writeFile(file);
  return file;
}

async function split(file: string, options: Partial<SplitOptions> = {}) {
  const sheet = await readSheet(file, { column: "Client", ...options });
  const parts = new Map<string, ClientWorkbook & { sheet: Worksheet; book: Workbook }>();
  for (const client of sheet.clients) {
    const written = await writeClient(sheet, client);
    const book = new Workbook();
    await book.xlsx.load(written.bytes);
    const [only] = book.worksheets;
    if (!only) throw new Error("no sheet");
    parts.set(client.name, { ...written, book, sheet: only });
  }
  return parts;
}

/** Values from the first row below the headings. */
function rowsOf(sheet: Worksheet | undefined): unknown[][] {
  const rows: unknown[][] = [];
  sheet?.eachRow((row, number) => {
    if (number > 2) rows.push([1, 2, 3, 4].map((column) => row.getCell(column).value));
  });
  return rows;
}

const day = new Date(Date.UTC(2026, 2, 1));

test("each client gets its own rows, with formats, widths, heights, frozen panes and filter kept", async () => {
  const rows = [
    ["Alpha", day, 10, 2],
    ["Beta", day, 20, 4],
    ["Alpha", day, 30, 6],
  ];
  const file = await workbook(rows, (sheet) => (sheet.getRow(5).height = 44));
  const parts = await split(file);
  expect([...parts.keys()]).toEqual(["Alpha", "Beta"]);
  const alpha = parts.get("Alpha");
  expect(rowsOf(alpha?.sheet)).toEqual([rows[0], rows[2]]);
  expect(rowsOf(parts.get("Beta")?.sheet)).toEqual([rows[1]]);
  const sheet = alpha?.sheet;
  expect([1, 2, 3, 4].map((column) => sheet?.getColumn(column).width)).toEqual([28, 14, 12, 11]);
  expect(sheet?.getCell("A1").value).toBe("Statement of March");
  expect(sheet?.mergedRegions).toMatchObject([{ top: 1, left: 1, bottom: 1, right: 4 }]);
  expect([1, 4].map((row) => sheet?.getRow(row).height)).toEqual([30, 44]);
  expect(sheet?.getCell("A2")).toMatchObject({ fill: FILL, font: { bold: true } } satisfies Partial<Cell>);
  expect([sheet?.getCell("B3").numFmt, sheet?.getCell("C4").numFmt]).toEqual(["dd/mm/yyyy", "#,##0.00 €"]);
  expect(sheet?.views[0]).toMatchObject({ state: "frozen", ySplit: 2 });
  expect([sheet?.autoFilter, parts.get("Beta")?.sheet.autoFilter]).toEqual(["A2:D4", "A2:D3"]);
});

test("nothing of the other clients, of other sheets or of the author is in a client's file", async () => {
  const file = await workbook(
    [
      ["Alpha", day, 1, 1],
      ["Beta-secret", day, 2, 2],
    ],
    (sheet, book) => {
      book.addWorksheet("Hidden", { state: "hidden" }).getCell("A1").value = "Beta-secret";
      book.definedNames.add("March!$A$4", "their_rows");
      sheet.getCell("A1").note = "of March";
    },
  );
  const parts = await split(file);
  const { book, bytes } = parts.get("Alpha") ?? {};
  expect(book?.worksheets.map(({ name }) => name)).toEqual(["March"]);
  expect(JSON.stringify(book?.model)).not.toMatch(/secret|somebody|their_rows/);
  expect(bytes?.length).toBeGreaterThan(1_000);
});

test("the same rows make the same bytes, so that a second run finds what a first has deposited", async () => {
  const rows = [["Alpha", day, 1, 1]];
  const first = (await split(await workbook(rows))).get("Alpha")?.bytes;
  await new Promise((resolve) => setTimeout(resolve, 2_100)); // the steps of times in a zip
  expect(
    Buffer.compare(
      Buffer.from(first ?? []),
      Buffer.from((await split(await workbook(rows))).get("Alpha")?.bytes ?? []),
    ),
  ).toBe(0);
});

describe("a workbook that could give somebody the wrong rows is refused:", () => {
  test("rows without a client, unless they are to be left out", async () => {
    const file = await workbook([["Alpha", day, 1, 1], [null, day, 2, 2], ["  ", day, 3, 3], [], ["Alpha", day, 4, 4]]);
    await expect(split(file)).rejects.toThrow("2 rows name no client: 4, 5.");
    const parts = await split(file, { skipRowsWithoutClient: true });
    expect(rowsOf(parts.get("Alpha")?.sheet).map((row) => row[2])).toEqual([1, 4]);
  });

  test("two spellings of a client, unless they are said to be one", async () => {
    const file = await workbook([
      ["Alpha Ltd", day, 1, 1],
      ["ALPHA  LTD ", day, 2, 2],
      ["Beta", day, 3, 3],
    ]);
    await expect(split(file)).rejects.toThrow('Is it the same client? "Alpha Ltd" (row 3) and "ALPHA  LTD " (row 4).');
    const parts = await split(file, { mergeSpellings: true });
    expect([...parts].map(([name, { rows }]) => [name, rows])).toEqual([
      ["Alpha Ltd", 2],
      ["Beta", 1],
    ]);
  });

  test("no such column, the column twice, no such sheet, no rows, no workbook", async () => {
    const file = await workbook([["Alpha", day, 1, 1]], (sheet) => (sheet.getCell("D2").value = "Day"));
    await expect(split(file, { column: "Customer" })).rejects.toThrow('says "Customer"');
    await expect(split(file, { column: "Day" })).rejects.toThrow('says "Day" twice');
    await expect(split(file, { sheet: "April" })).rejects.toThrow('has no sheet "April", but "March"');
    await expect(split(await workbook([]))).rejects.toThrow('No row below "Client" names a client');
    await expect(split(import.meta.filename)).rejects.toThrow("can't be read as an Excel workbook");
  });
});

describe("formulas", () => {
  test("that look at their own row move with it; of others the result stays", async () => {
    const tax = (row: number) => ({ formula: `ROUND(C${row}*0.2,2)`, result: row });
    const file = await workbook([
      ["Beta", day, 1, tax(3)],
      ["Alpha", day, 2, tax(4)],
      ["Alpha", day, { formula: "SUM(C$3:C4)", result: 3 }, tax(5)],
    ]);
    const { sheet, leftFormulas } = (await split(file)).get("Alpha") ?? {};
    expect(rowsOf(sheet).map(([, , amount, own]) => [amount, own])).toEqual([
      [2, { formula: "ROUND(C3*0.2,2)", result: 4 }],
      [3, { formula: "ROUND(C4*0.2,2)", result: 5 }],
    ]);
    expect(leftFormulas).toEqual([{ address: "C5", left: "value" }]);
  });

  test("above the headings that count over all clients leave their cell empty", async () => {
    const file = await workbook(
      [
        ["Alpha", day, 1, 1],
        ["Beta", day, 41, 1],
      ],
      (sheet) => {
        sheet.getCell("F1").value = { formula: "SUM(C3:C4)", result: 42 };
      },
    );
    const { sheet, leftFormulas } = (await split(file)).get("Alpha") ?? {};
    expect(sheet?.getCell("F1").value).toBeNull();
    expect(leftFormulas).toEqual([{ address: "F1", left: "empty" }]);
  });

  test("that are shared by a column are each row's own", async () => {
    const file = await workbook(
      [
        ["Beta", day, 1, 0],
        ["Alpha", day, 2, 0],
        ["Alpha", day, 3, 0],
      ],
      (sheet) => sheet.fillFormula("D3:D5", "C3*2", [2, 4, 6]),
    );
    const { sheet } = (await split(file)).get("Alpha") ?? {};
    expect(rowsOf(sheet).map((row) => row[3])).toEqual([
      { formula: "C3*2", result: 4 },
      { formula: "C4*2", result: 6 },
    ]);
  });

  test.each([
    ["C5*0.2", "C3*0.2"],
    ["$C5+Tax5", "undefined"],
    ['IF(C5>0,"C9 and B5","no")&D5', 'IF(C3>0,"C9 and B5","no")&D3'],
    ["LOG10(C5)", "LOG10(C3)"],
    ["AND(TRUE,A5=B5)", "AND(TRUE,A3=B3)"],
    ["C$5*2", "undefined"],
    ["C4*2", "undefined"],
    ["SUM(C:C)", "undefined"],
    ["SUM(3:5)", "undefined"],
    ["Other!C5", "undefined"],
    ["'My sheet'!C5", "undefined"],
    ["Table1[Amount]", "undefined"],
    ["OFFSET(C5,1,0)", "undefined"],
    ["rate*C5", "undefined"],
    ["[1]Sheet!C5", "undefined"],
  ])("%s in row 5 is %s in row 3", (formula, moved) => {
    expect(String(moveFormula(formula, 5, 3))).toBe(moved);
  });
});

describe("merged cells", () => {
  test("of one client's rows stay merged, also where they name the client", async () => {
    const file = await workbook(
      [
        ["Beta", day, 1, 1],
        ["Alpha", day, 2, 2],
        [null, day, 3, 3],
      ],
      (sheet) => sheet.mergeCells("A4:A5"),
    );
    const { sheet, rows } = (await split(file)).get("Alpha") ?? {};
    expect(rows).toBe(2);
    expect(sheet?.mergedRegions).toMatchObject([{ top: 1 }, { top: 3, left: 1, bottom: 4, right: 1 }]);
  });

  test("over rows of two clients are parted, and each has the value", async () => {
    const file = await workbook(
      [
        ["Alpha", day, 7, 1],
        ["Beta", day, null, 1],
      ],
      (sheet) => sheet.mergeCells("C3:C4"),
    );
    const parts = await split(file);
    expect([...parts.values()].map(({ sheet }) => sheet.getCell("C3").value)).toEqual([7, 7]);
    expect(parts.get("Beta")?.sheet.mergedRegions).toHaveLength(1);
  });
});

test.each([
  ["Alpha/../Beta", "0001 Alpha .. Beta.xlsx"],
  ["..", "0001 client.xlsx"],
  ["CON", "0001 CON_.xlsx"],
  ["a\u202Eb\u0000c\nd", "0001 a b c d.xlsx"],
  ["é".repeat(300), `0001 ${"é".repeat(80)}.xlsx`],
])("the client %j has a file that any file system takes", (name, file) => expect(fileNameOf(name, 0)).toBe(file));

describe("the command", () => {
  const PROGRAM = resolve(import.meta.dirname, "../../examples/split-workbook/split-workbook.ts");
  const run = (...args: string[]) => spawnSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8" });

  test("writes a part for each client, once, for its owner only", async () => {
    const file = await workbook([
      ["Aurora", new Date("2026-03-01"), 10, 2],
      ["Boreal", new Date("2026-03-02"), 20, 4],
    ]);
    const out = join(folder, "parts");
    const first = run("--workbook", file, "--column", "Client", "--out", out, "--json");
    expect(first).toMatchObject({ status: 0, stderr: "" });
    const parts = JSON.parse(first.stdout) as { client: string; file: string; changed: boolean }[];
    expect(parts.map(({ client, changed }) => [client, changed])).toEqual([
      ["Aurora", true],
      ["Boreal", true],
    ]);
    expect(readdirSync(out)).toEqual(["0001 Aurora.xlsx", "0002 Boreal.xlsx"]);
    expect(statSync(parts[0]?.file ?? "").mode & 0o777).toBe(0o600);
    const again = run("--workbook", file, "--column", "Client", "--out", out);
    expect(again.stdout.split("\n").filter((line) => line.includes("unchanged in"))).toHaveLength(2);
  });

  test("says what is wrong, and has written nothing then", async () => {
    const file = await workbook([["Aurora", new Date("2026-03-01"), 10, 2]]);
    const out = join(folder, "none");
    expect(run("--workbook", file)).toMatchObject({ status: 2, stderr: expect.stringContaining("--out") as unknown });
    expect(run("--frobnicate")).toMatchObject({ status: 2 });
    const wrong = run("--workbook", file, "--column", "Kunde", "--out", out);
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining('says "Kunde"') as unknown });
    expect(existsSync(out)).toBe(false);
    mkdirSync(out);
    writeFileSync(join(out, "0001 Zephyr.xlsx"), "of February");
    const mixed = run("--workbook", file, "--column", "Client", "--out", out);
    expect(mixed).toMatchObject({ status: 1, stderr: expect.stringContaining("no part of this workbook") as unknown });
    expect(readdirSync(out)).toEqual(["0001 Zephyr.xlsx"]);
  });
});
