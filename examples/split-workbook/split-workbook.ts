import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Part, splitWorkbook } from "./split/parts.ts";
import { SplitError } from "./split/read-sheet.ts";

const USAGE = `node split-workbook.ts --workbook FILE --column HEADING --out FOLDER [options]

Makes a workbook for each client that a column of one workbook names, with this client's rows and nothing of the others'.

  --workbook FILE              an Excel workbook (.xlsx); it isn't changed
  --column HEADING             the heading of the column that names the client
  --sheet NAME                 default: the first
  --out FOLDER                 where the parts go, mode 0600 in a folder 0700; it holds nothing but parts
  --merge-spellings            takes spellings that differ in case and spaces for one client
  --skip-rows-without-client   leaves them out
  --json                       one array on standard output: client, file, rows, leftFormulas, changed
`;

/** @returns the exit code: 0; 1 if the workbook can't be split; 2 for a wrong command line */
async function main(args: readonly string[]): Promise<number> {
  const values = options(args);
  if (typeof values === "number") return values;
  const { workbook, column, out, sheet } = values;
  try {
    const parts = await splitWorkbook(resolve(workbook), resolve(out), {
      column,
      ...(sheet === undefined ? {} : { sheet }),
      mergeSpellings: values["merge-spellings"] === true,
      skipRowsWithoutClient: values["skip-rows-without-client"] === true,
    });
    if (values.json === true) process.stdout.write(`${JSON.stringify(parts, null, 2)}\n`);
    else for (const part of parts) process.stdout.write(`${textOf(part)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof SplitError)) throw error;
    process.stderr.write(`split-workbook: ${error.message}\n`);
    return 1;
  }
}

function options(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        workbook: { type: "string" },
        column: { type: "string" },
        sheet: { type: "string" },
        out: { type: "string" },
        "merge-spellings": { type: "boolean" },
        "skip-rows-without-client": { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    const { workbook, column, out } = values;
    if (values.help === true) {
      process.stdout.write(USAGE);
      return 0;
    }
    if (workbook !== undefined && column !== undefined && out !== undefined)
      return { ...values, workbook, column, out };
    process.stderr.write("split-workbook: --workbook, --column and --out are needed; --help shows all\n");
  } catch (error) {
    process.stderr.write(`split-workbook: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  return 2;
}

function textOf({ client, file, rows, leftFormulas, changed }: Part): string {
  const formulas = leftFormulas.length === 0 ? "" : `, ${leftFormulas.length} formulas as their results or empty`;
  return `${client}: ${rows} rows${formulas}, ${changed ? "written to" : "unchanged in"} ${file}`;
}

process.exitCode = await main(process.argv.slice(2));
