// Makes a month to try it with: a workbook of so many clients, and their addresses.
//   node make-month.ts CLIENTS WORKBOOK CLIENTS_FILE
import { writeFile } from "node:fs/promises";
import { Workbook } from "@cj-tech-master/excelts";

const [clients = "300", workbookFile = "month.xlsx", clientsFile = "clients.json"] = process.argv.slice(2);
const names = Array.from({ length: Number(clients) }, (_, index) => `Client ${String(index + 1).padStart(3, "0")}`);

const workbook = new Workbook();
const sheet = workbook.addWorksheet("Figures", { views: [{ state: "frozen", ySplit: 1 }] });
sheet.addRow(["Client", "Day", "Amount"]).font = { bold: true };
for (let day = 1; day <= 5; day++) {
  for (const [index, name] of names.entries()) sheet.addRow([name, day, (index + 1) * day]);
}
sheet.getColumn(1).width = 24;
sheet.getColumn(3).numFmt = "#,##0.00";
await workbook.xlsx.writeFile(workbookFile);

const addresses = names.map((name) => [name, [`${name.toLowerCase().replace(" ", "-")}@clients.example`]]);
await writeFile(clientsFile, `${JSON.stringify(Object.fromEntries(addresses), null, 2)}\n`);
