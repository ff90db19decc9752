import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Workbook } from "@cj-tech-master/excelts";
import { systemClock } from "../../provider/core/clock.js";
import { DEFAULT_BRAND } from "../../provider/server/html/brand.js";
import { Delivery } from "../../provider/server/mail/delivery.js";
import { Smtp } from "../../provider/server/mail/smtp.js";
import { v1Front } from "../../provider/server/v1/front.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import type { Deposit, DropBox } from "../../provider/vault/port.js";
import { collect } from "../contract/vault-cases/setup.js";
import { MailServer } from "../fixtures/mail-server.js";
import { ServerScene } from "../fixtures/server-scene.js";

jest.setTimeout(1_800_000); // for a busy machine

const EXAMPLE = resolve(import.meta.dirname, "../../examples/monthly-drop-boxes");
const CLIENTS = 300;

let folder: string;
let scene: ServerScene;
let mailServer: MailServer;
let delivery: Delivery;
let tickets: ChildProcess;
let ticketsUrl: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "coffre-monthly-"));
  const [path, key] = [join(folder, "prod.db"), { keyText: newKeyText() }];
  await createEmbeddedVault({ path, name: "prod", key, actor: "a test", clock: systemClock });
  const vault = openEmbeddedVault({ path, key, actor: "a test", clock: systemClock });
  scene = await ServerScene.start({ vault, statePath: `${path}.serve`, fronts: [v1Front] });
  mailServer = await MailServer.start();
  const from = { name: "", address: "drop@example.com" };
  delivery = new Delivery({
    outbox: vault.outbox,
    smtp: new Smtp({ host: "127.0.0.1", port: mailServer.port, tls: "none", from }),
    style: { brand: DEFAULT_BRAND, language: "en", timeZone: "UTC" },
    domain: "example.com",
    clock: systemClock,
    complain: (error) => scene.complaints.push(error),
  });
  delivery.start();
  const partners = await vault.createCategory({ name: "Partners", parentId: null });
  writeFileSync(join(folder, "robot.token"), await scene.token("robot"), { mode: 0o600 });
  const robot = await vault.people.findPrincipal("user", "robot");
  await vault.people.createGrant({ categoryId: partners.id, principalId: robot?.id ?? "", role: "editor" });
  tickets = spawn(process.execPath, [join(EXAMPLE, "ticket-system.mjs"), "0", join(folder, "tickets.jsonl")]);
  const [line] = (await once(tickets.stdout ?? tickets, "data")) as [Buffer];
  ticketsUrl = `http://127.0.0.1:${/\d+/.exec(String(line))?.[0] ?? ""}`;
});
afterAll(async () => {
  tickets.kill();
  await delivery.stop();
  await scene.close();
  await mailServer.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The example's command line for a month. */
function commandFor(month: string, { workbook = "month.xlsx", clients = "clients.json" } = {}): string[] {
  return [
    join(EXAMPLE, "monthly-drop-boxes.ts"),
    ...["--workbook", join(folder, workbook), "--column", "Client", "--clients", join(folder, clients)],
    ...["--month", month, "--expires", "2099-01-31T18:00:00Z", "--vault", scene.origin],
    ...["--token-file", join(folder, "robot.token"), "--category", "Partners", "--tickets", ticketsUrl],
    ...["--work", join(folder, "work")],
  ];
}

async function run(args: readonly string[]): Promise<{ code: number | null; out: string; problem: string }> {
  const child = spawn(process.execPath, args, { cwd: folder });
  let [out, problem] = ["", ""];
  child.stdout.on("data", (text: Buffer) => (out += String(text)));
  child.stderr.on("data", (text: Buffer) => (problem += String(text)));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, problem };
}

function openedTickets(): { external_id: string }[] {
  const file = join(folder, "tickets.jsonl");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as { external_id: string });
}

const liveBoxes = (): Promise<DropBox[]> => collect(scene.vault.boxes.listBoxes());

/** Once nothing waits to be sent. */
async function mailedTo(): Promise<string[]> {
  while ((await collect(scene.vault.outbox.list())).length > 0) await pause(200);
  return mailServer.mails.map(({ to }) => to.join());
}

/** As what an addressee got: how many mails each. */
function counts(texts: readonly string[]): Set<number> {
  const found = new Map<string, number>();
  for (const text of texts) found.set(text, (found.get(text) ?? 0) + 1);
  return new Set(found.values());
}

test("300 clients in one command, twice, killed in the middle of the second: nothing is doubled, and nobody gets a mail twice", async () => {
  const made = spawnSync(process.execPath, [join(EXAMPLE, "make-month.ts"), String(CLIENTS)], { cwd: folder });
  expect(String(made.stderr)).toBe("");
  const first = await run(commandFor("2026-03"));
  expect(first).toMatchObject({ code: 0, problem: expect.stringContaining(`${CLIENTS}/${CLIENTS}`) });
  expect(first.out).toContain(
    "300 clients served: 300 boxes made, 300 files deposited, 300 clients told, 300 tickets opened",
  );
  expect(await mailedTo()).toHaveLength(CLIENTS);

  const march = await liveBoxes();
  for (const box of march.slice(0, 2)) {
    const { id } = await scene.vault.boxes.openDeposit(box.id, { by: box.recipients[0] ?? "" });
    const file = await scene.vault.boxes.files.create({ depositId: id, name: "completed.xlsx" });
    await scene.vault.boxes.files.finish(file.id);
    await scene.vault.boxes.submitDeposit(id);
  }

  const killed = spawn(process.execPath, commandFor("2026-04"), { cwd: folder });
  while (openedTickets().length < CLIENTS + 100 && killed.exitCode === null) await pause(5);
  killed.kill("SIGKILL");
  await once(killed, "close");
  expect(openedTickets().length).toBeLessThan(2 * CLIENTS);

  const second = await run(commandFor("2026-04"));
  expect(second.problem).not.toContain("weren't served");
  expect(second.out).toMatch(/^300 clients served: (1\d\d|200) boxes made/);
  expect(second.out).toContain("2 handed in for the month before, 0 for this month");
  const third = await run(commandFor("2026-04"));
  expect(third.out).toContain("0 boxes made, 0 files deposited, 0 clients told, 0 tickets opened");

  const boxes = await liveBoxes();
  expect(boxes.map(({ name }) => name)).toEqual(march.map(({ name }) => name));
  expect(
    boxes.every(({ description, recipients }) => description?.endsWith("2026-04") && recipients.length === 1),
  ).toBe(true);
  const archived = await collect(scene.vault.boxes.listBoxes({ archived: true }));
  expect(archived.map(({ id }) => id).sort()).toEqual(march.map(({ id }) => id).sort());
  const parts = new Set<string>();
  for (const box of boxes) {
    const deposits = await collect<Deposit>(scene.vault.boxes.listDeposits(box.id));
    expect(deposits).toHaveLength(1);
    const [file] = deposits[0]?.files ?? [];
    expect(file).toMatchObject({ name: expect.stringContaining(box.name), state: "ready" });
    const part = readFileSync(join(folder, "work", "2026-04", "parts", file?.name ?? ""));
    expect(file?.sha256).toBe(createHash("sha256").update(part).digest("hex"));
    parts.add(file?.sha256 ?? "");
  }
  expect(parts.size).toBe(CLIENTS);

  const external = openedTickets().map(({ external_id }) => external_id);
  expect([external.length, new Set(external).size]).toEqual([2 * CLIENTS, 2 * CLIENTS]);
  const mails = await mailedTo();
  expect(mails).toHaveLength(2 * CLIENTS + 2); // two receipts of what was handed in
  expect(counts(mails.filter((to) => !march.slice(0, 2).some(({ recipients }) => recipients.includes(to))))).toEqual(
    new Set([2]),
  );
  expect(new Set(mailServer.mails.map(({ parsed }) => parsed.messageId)).size).toBe(mails.length);

  const report = readFileSync(join(folder, "work", "2026-04", "report.html"), "utf8");
  expect(report.match(/<tr><td>Client \d{3}<\/td>/g)).toHaveLength(CLIENTS);
  expect(report.match(/completed\.xlsx/g)).toHaveLength(2);
  expect(report).toContain('<svg role="img" aria-label="Served: 300 of 300');
  expect(scene.complaints).toEqual([]);
});

async function workbook(name: string, rows: (string | number)[][]): Promise<string> {
  const book = new Workbook();
  const sheet = book.addWorksheet("Figures");
  sheet.addRow(["Client", "Amount"]);
  for (const row of rows) sheet.addRow(row);
  await book.xlsx.writeFile(join(folder, name));
  return name;
}

test.each([
  [
    "a row without a client",
    [
      ["Alpha", 1],
      ["", 2],
    ],
    "1 rows name no client: 3",
  ],
  [
    "two spellings of one client",
    [
      ["Alpha", 1],
      ["ALPHA ", 2],
    ],
    "Is it the same client?",
  ],
  [
    "a client whose addresses nobody knows",
    [
      ["Alpha", 1],
      ["Omega", 2],
    ],
    '--clients names no address of "Omega"',
  ],
] as [string, (string | number)[][], string][])(
  "%s is refused before anything is changed",
  async (what, rows, problem) => {
    const before = (await scene.vault.identity()).head;
    const file = await workbook(`${what}.xlsx`, rows);
    writeFileSync(join(folder, "two.json"), '{"Alpha": ["ana@alpha.example"], "Beta": ["bo@beta.example"]}');
    const refused = await run(commandFor("2026-05", { workbook: file, clients: "two.json" }));
    expect(refused).toMatchObject({ code: 2, problem: expect.stringContaining(problem) });
    expect((await scene.vault.identity()).head).toBe(before);
  },
);

test("a client that the vault refuses is named, the others are served, and the next run serves it", async () => {
  const { vault } = scene;
  const partners = await vault.findCategory(["Partners"]);
  const file = await workbook("foreign.xlsx", [
    ["Beta", 1],
    ["Gamma", 2],
  ]);
  writeFileSync(join(folder, "foreign.json"), '{"Beta": ["bo@beta.example"], "Gamma": ["cy@gamma.example"]}');
  const owner = { key: "shop/prod/DropBox/gamma", stack: "acme/shop/prod", token: "token-of-shop" };
  const foreign = await vault.boxes.createBox({
    name: "Gamma",
    categoryId: partners?.id ?? null,
    recipients: ["x@gamma.example"],
    owner,
  });
  const command = commandFor("2026-06", { workbook: file, clients: "foreign.json" });
  const part = await run(command);
  expect(part).toMatchObject({ code: 1, problem: expect.stringContaining("Gamma: The drop-box Partners/Gamma") });
  expect(part.out).toContain("1 clients served: 1 boxes made");
  await vault.boxes.archiveBox(foreign.id, {});
  const rest = await run(command);
  expect(rest).toMatchObject({ code: 0 });
  expect(rest.out).toContain("2 clients served: 1 boxes made, 1 files deposited, 1 clients told, 1 tickets opened");
});
