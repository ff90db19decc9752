import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileNameOf } from "./client-names.ts";
import { readSheet, SplitError, type SplitOptions } from "./read-sheet.ts";
import { type LeftFormula, writeClient } from "./write-client.ts";

/** One client's part of a workbook. */
export interface Part {
  client: string;
  file: string;
  rows: number;
  leftFormulas: LeftFormula[];
  /** False where the folder had the very same file already. */
  changed: boolean;
}

/**
 * Makes a workbook for each client in the folder `out`. All is read and checked before the first part is written; a part is whole
 * or isn't there, so a killed run is run again. @throws SplitError for a workbook that would give somebody the wrong rows
 */
export async function splitWorkbook(workbook: string, out: string, how: SplitOptions): Promise<Part[]> {
  const sheet = await readSheet(workbook, how);
  const names = sheet.clients.map(({ name }, index) => fileNameOf(name, index));
  await mkdir(out, { recursive: true, mode: 0o700 });
  const foreign = (await readdir(out)).filter((file) => !names.includes(file) && !file.endsWith(PARTIAL));
  if (foreign.length > 0) {
    const shown = foreign.slice(0, 3).map((file) => `"${file}"`);
    throw new SplitError(
      `${out} holds what is no part of this workbook: ${shown.join(", ")}${foreign.length > 3 ? ", …" : ""}. ` +
        "Name another folder, or empty it: a client's part of another month must not go out with these",
    );
  }
  const parts: Part[] = [];
  for (const [index, client] of sheet.clients.entries()) {
    const file = join(out, names[index] ?? "");
    const { bytes, rows, leftFormulas } = await writeClient(sheet, client);
    parts.push({ client: client.name, file, rows, leftFormulas, changed: await put(file, bytes) });
  }
  return parts;
}

const PARTIAL = ".partial";

async function put(file: string, bytes: Uint8Array): Promise<boolean> {
  const before = await readFile(file).catch(() => undefined);
  if (before?.equals(bytes) === true) return false;
  const partial = `${file}${PARTIAL}`;
  await rm(partial, { force: true });
  await writeFile(partial, bytes, { mode: 0o600, flag: "wx" });
  await rename(partial, file);
  return true;
}
