import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Workbook } from "@cj-tech-master/excelts";
import { readSheet } from "../../examples/split-workbook/split/read-sheet.ts";
import { writeClient } from "../../examples/split-workbook/split/write-client.ts";

const ROWS = 100_000;
const CLIENTS = 300;

test("100,000 rows of 300 clients are parted, and none is lost", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coffre-split-"));
  try {
    const book = new Workbook();
    const sheet = book.addWorksheet("Data");
    sheet.addRow(["Client", "Number", "Twice"]);
    for (let row = 2; row < ROWS + 2; row++) {
      sheet.addRow([`Client ${row % CLIENTS}`, row, { formula: `B${row}*2`, result: row * 2 }]).getCell(2).numFmt = "0";
    }
    const file = join(folder, "all.xlsx");
    await book.xlsx.writeFile(file);
    const read = await readSheet(file, { column: "Client" });
    expect(read.clients).toHaveLength(CLIENTS);
    let [rows, left] = [0, 0];
    for (const client of read.clients) {
      const written = await writeClient(read, client);
      rows += written.rows;
      left += written.leftFormulas.length;
    }
    expect([rows, left]).toEqual([ROWS, 0]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 900_000);
