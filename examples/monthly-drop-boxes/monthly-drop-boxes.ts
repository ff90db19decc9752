import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { clientKey } from "../split-workbook/split/client-names.ts";
import { type Part, splitWorkbook } from "../split-workbook/split/parts.ts";
import { SplitError } from "../split-workbook/split/read-sheet.ts";
import { type Month, type Outcome, serveClient, type Wanted } from "./monthly/client-box.ts";
import { type Report, reportHtml } from "./monthly/report.ts";
import { Tickets } from "./monthly/tickets.ts";
import { type Box, Vault, VaultError } from "./monthly/vault.ts";

const USAGE = `node monthly-drop-boxes.ts --workbook FILE --column HEADING --clients FILE --month YYYY-MM [options]

Splits a workbook by client, replaces each client's drop-box, deposits its part there, has its people told, and opens a ticket.
What is done already isn't done again: a run that was killed is run again.

  --workbook FILE         an Excel workbook (.xlsx)
  --column HEADING        the heading of the column that names the client
  --sheet NAME            default: the first
  --clients FILE          JSON: each client's e-mail addresses, {"Alpha": ["ana@alpha.example"], …}
  --month YYYY-MM         what the boxes are of; another month replaces them
  --expires TIME          until when clients may hand in, such as 2026-04-15T18:00:00Z
  --vault URL             of coffre serve, such as https://vault.example.com
  --token-file FILE       a token of coffre token create, for a user who may change entries in the category
  --category PATH         where the boxes are, such as Partners; it exists
  --tickets URL           the ticket system's address, without a path
  --tickets-login FILE    what its header "authorization" says
  --work FOLDER           keeps parts, tickets and report of each month, mode 0700. Default: work
`;

/** Clients that are served at once. */
const LANES = 6;

class UsageError extends Error {}

interface Options {
  workbook: string;
  column: string;
  sheet: string | undefined;
  clients: string;
  month: string;
  expires: string;
  vault: string;
  tokenFile: string;
  category: string;
  tickets: string;
  ticketsLogin: string | undefined;
  work: string;
}

/** @returns the exit code: 0; 1 if somebody wasn't served; 2 for a wrong command line or input, before anything was changed */
async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (!options) {
      process.stdout.write(USAGE);
      return 0;
    }
    const folder = resolve(options.work, options.month);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const unlock = lock(join(folder, "running"));
    try {
      return await run(options, folder);
    } finally {
      unlock();
    }
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof SplitError || error instanceof VaultError)) throw error;
    process.stderr.write(`monthly-drop-boxes: ${error.message}\n`);
    return error instanceof VaultError ? 1 : 2;
  }
}

async function run(options: Options, folder: string): Promise<number> {
  const addresses = readClients(options.clients);
  const parts = await splitWorkbook(resolve(options.workbook), join(folder, "parts"), {
    column: options.column,
    ...(options.sheet === undefined ? {} : { sheet: options.sheet }),
  });
  const wanted = parts.map((part) => wantedOf(part, addresses));
  const vault = new Vault(options.vault, readFileSync(options.tokenFile, "utf8").trim());
  const path = options.category.split("/");
  const category = await vault.ask<{ id: string } | undefined>("find-category", { path });
  if (!category) throw new UsageError(`The vault has no category ${options.category}`);
  const month: Month = { name: options.month, categoryId: category.id, expiresAt: options.expires };
  const earlier = await archivedBoxes(vault, path);
  const tickets = new Tickets({
    url: options.tickets,
    file: join(folder, "tickets.tsv"),
    ...(options.ticketsLogin === undefined ? {} : { authorization: readFileSync(options.ticketsLogin, "utf8").trim() }),
  });
  const report: Report = { month: options.month, at: new Date().toISOString(), outcomes: [], failures: [] };
  try {
    await inLanes(wanted, async (one) => {
      const { client } = one.part;
      try {
        report.outcomes.push(await serveClient({ vault, tickets, month }, one, earlier.get(client.normalize("NFC"))));
      } catch (error) {
        report.failures.push({ client, problem: error instanceof Error ? error.message : String(error) });
      }
      progress(report.outcomes.length + report.failures.length, wanted.length, client);
    });
  } finally {
    tickets.close();
  }
  return tell(report, join(folder, "report.html"));
}

async function tell(report: Report, file: string): Promise<number> {
  const byName = (left: { client: string }, right: { client: string }) => left.client.localeCompare(right.client, "en");
  report.outcomes.sort(byName);
  report.failures.sort(byName);
  await writeFile(`${file}.partial`, reportHtml(report), { mode: 0o600 });
  await rename(`${file}.partial`, file);
  const count = (step: string) => report.outcomes.filter(({ done }: Outcome) => done.includes(step)).length;
  const { outcomes, failures } = report;
  process.stdout.write(
    `${outcomes.length} clients served: ${count("box")} boxes made, ${count("deposit")} files deposited, ` +
      `${count("notice")} clients told, ${count("ticket")} tickets opened; the rest was there already.\n` +
      `${outcomes.filter(({ before }) => before.length > 0).length} handed in for the month before, ` +
      `${outcomes.filter(({ now }) => now.length > 0).length} for this month. Report: ${file}\n`,
  );
  for (const { client, problem } of failures) process.stderr.write(`${client}: ${problem}\n`);
  if (failures.length > 0) process.stderr.write(`${failures.length} clients weren't served: run it again.\n`);
  return failures.length > 0 ? 1 : 0;
}

/** The newest archived box of each name in the category. */
async function archivedBoxes(vault: Vault, path: readonly string[]): Promise<Map<string, Box>> {
  const newest = new Map<string, Box>();
  for (const box of await vault.list<Box>("boxes/list-boxes", { archived: true })) {
    const name = box.path.at(-1) ?? "";
    const isHere = box.path.length === path.length + 1 && path.every((part, index) => box.path[index] === part);
    const known = newest.get(name);
    if (isHere && (!known || known.createdAt < box.createdAt)) newest.set(name, box);
  }
  return newest;
}

function wantedOf(part: Part, addresses: ReadonlyMap<string, string[]>): Wanted {
  const recipients = addresses.get(clientKey(part.client));
  if (recipients && recipients.length > 0) return { part, recipients };
  throw new UsageError(`--clients names no address of "${part.client}"; nothing was changed in the vault`);
}

/** Each client's addresses, by what its spellings have in common. */
function readClients(file: string): Map<string, string[]> {
  const problem = `${file} isn't JSON of the form {"Alpha": ["ana@alpha.example"]}`;
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new UsageError(problem, { cause });
  }
  if (typeof read !== "object" || read === null || Array.isArray(read)) throw new UsageError(problem);
  const clients = new Map<string, string[]>();
  for (const [name, addresses] of Object.entries(read)) {
    if (!Array.isArray(addresses) || addresses.some((one) => typeof one !== "string")) throw new UsageError(problem);
    if (clients.has(clientKey(name))) throw new UsageError(`${file} names "${name}" twice, in two spellings`);
    // As the vault keeps them: the part before the @ is its owner's to spell.
    clients.set(
      clientKey(name),
      addresses.map((address: string) => address.replace(/@.*$/, (domain) => domain.toLowerCase())),
    );
  }
  return clients;
}

/** Works on several at once, each of which is begun in its turn. */
async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

function progress(done: number, all: number, client: string): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r\u001b[K${done}/${all} ${client.replaceAll(/\p{C}/gu, " ").slice(0, 60)}`);
  else if (done % 50 === 0) process.stderr.write(`${done}/${all}\n`);
  if (process.stderr.isTTY && done === all) process.stderr.write("\r\u001b[K");
}

/** Two runs of one month at once would do things twice. A lock that a killed run left is taken over. */
function lock(file: string): () => void {
  for (;;) {
    try {
      const handle = openSync(file, "wx", 0o600);
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = Number(readFileSync(file, "utf8"));
      if (holder > 0 && isAlive(holder)) throw new UsageError(`The process ${holder} is at it already (${file})`);
      rmSync(file, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** @returns `undefined` if only help is wanted. @throws UsageError */
function readOptions(args: readonly string[]): Options | undefined {
  const names = [
    "workbook",
    "column",
    "sheet",
    "clients",
    "month",
    "expires",
    "vault",
    "token-file",
    "category",
    "tickets",
    "tickets-login",
    "work",
  ];
  let values: Record<string, string | boolean | undefined>;
  try {
    const texts = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
    ({ values } = parseArgs({ args: [...args], options: { ...texts, help: { type: "boolean" } } }));
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  if (values["help"] === true) return undefined;
  const optional = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const needed = (name: string): string => {
    const value = optional(name);
    if (value !== undefined) return value;
    throw new UsageError(`--${name} is needed; --help shows all`);
  };
  const month = needed("month");
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new UsageError("--month isn't a month: write 2026-03");
  return {
    workbook: needed("workbook"),
    column: needed("column"),
    sheet: optional("sheet"),
    clients: needed("clients"),
    month,
    expires: needed("expires"),
    vault: needed("vault"),
    tokenFile: needed("token-file"),
    category: needed("category"),
    tickets: needed("tickets"),
    ticketsLogin: optional("tickets-login"),
    work: optional("work") ?? "work",
  };
}

process.exitCode = await main(process.argv.slice(2));
