import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import { parseCertificates } from "../../../provider/core/cms.js";
import { HandClock } from "../../contract/vault-cases/setup.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

const CLIENTS = join(import.meta.dirname, "../../fixtures/lockself-clients.py");

let scene: LockselfScene;
let clock: HandClock | undefined;
afterEach(() => scene.close());

/** What the clients say; each says a part of it. */
interface Said {
  status: number;
  id: number;
  link: string;
  names: string[];
  text: string;
  refused: boolean;
  total: number;
  items: { targetId: number; [field: string]: unknown }[];
}

/** What a program says; tokens go by stdin. */
async function run(program: string, args: string[], input: string): Promise<string> {
  const running = promisify(execFile)(program, args);
  running.child.stdin?.end(input);
  return (await running).stdout;
}

/** What one of the clients, in Python, says. */
async function python(client: string, more: object = {}): Promise<Said> {
  const input = JSON.stringify({ origin: scene.server.origin, token: scene.token, ...more });
  return JSON.parse(await run("python3", [CLIENTS, client], input)) as Said;
}

async function fill(): Promise<number> {
  const top = await scene.category("Partners");
  const categoryId = await scene.category("Mail & more", top);
  const fields = {
    username: "robot",
    domain: "https://mail.example",
    tags: "mail,partner",
    description: 'two\nlines; "q"',
  };
  const secrets = { opt1: "a;b", opt3: "=1+1", totp: "JBSWY3DPEHPK3PXP" };
  await scene.ask("POST /api-key/credentials", {
    categoryId,
    name: "mail-api",
    password: '=cmd|"é;',
    ...fields,
    ...secrets,
  });
  await scene.ask("POST /api-key/credentials", { categoryId: 0, name: "at-root", password: "p" });
  return categoryId;
}

const HEADER = "Name;URL;Username;Password;Category/SubCategory;Tags;Description;Opt1;Opt2;Opt3;Totp\n";
const ROWS = [
  [
    ...["mail-api", "https://mail.example", "robot", '=cmd|"é;', "Partners/Mail & more", "mail,partner"],
    ...['two\nlines; "q"', "a;b", "", "=1+1", "JBSWY3DPEHPK3PXP"],
  ],
  ["at-root", "", "", "p", "", "", "", "", "", "", ""],
];

describe("with a password", () => {
  beforeEach(async () => {
    clock = new HandClock();
    scene = await LockselfScene.start({ clock });
  });

  test("the export is a zip that Python's standard library opens, and holds all columns", async () => {
    await fill();
    const { status, names, text, refused } = await python("export");
    expect({ status, names, refused }).toEqual({ status: 200, names: ["export.csv"], refused: true });
    expect(text.startsWith(HEADER)).toBe(true);
    expect(parse(text, { delimiter: ";", from: 2 })).toEqual(ROWS);
  });

  test("its link is good once, for 15 minutes, and stands in no log", async () => {
    await fill();
    const order = { method: "downloadGlobalExport", organizationId: "1", zipPassword: "é" };
    const [once, late] = [
      (await scene.ask("POST /api-key/download/generate/token", order)).body["link"] as string,
      (await scene.ask("POST /api-key/download/generate/token", order)).body["link"] as string,
    ];
    clock?.pass({ minutes: 14, seconds: 59 });
    const first = await fetch(once);
    expect([first.status, first.headers.get("content-type"), first.headers.get("cache-control")]).toEqual([
      ...[200, "application/zip", "no-store"],
    ]);
    clock?.pass({ seconds: 1 });
    for (const link of [once, late, `${late}x`]) {
      const answer = await fetch(link);
      expect({ status: answer.status, body: await answer.json() }).toMatchObject({ status: 404, body: { code: 404 } });
    }
    expect(JSON.stringify(scene.server.log)).not.toContain(new URL(once).pathname.split("/").at(-1));
  });

  test("it is for administrators and moderators, holds what they may read, and asks for a password", async () => {
    const categoryId = await fill();
    const other = await scene.category("Hidden");
    await scene.ask("POST /api-key/credentials", { categoryId: other, name: "hidden", password: "p" });
    const route = "POST /api-key/download/generate/token";
    const order = { method: "downloadGlobalExport", organizationId: 1, zipPassword: "pw" };
    const user = await scene.member("ana", categoryId, "manager");
    expect((await scene.ask(route, order, { token: user })).status).toBe(403);
    const token = await scene.member("mod", categoryId, "reader", "moderator");
    const { text } = await python("export", { token });
    expect(parse(text, { delimiter: ";", from: 2 }).map(([name]: string[]) => name)).toEqual(["mail-api"]);
    for (const sent of [
      { ...order, zipPassword: undefined },
      { ...order, zipPassword: "" },
      { ...order, method: "all" },
    ]) {
      expect((await scene.ask(route, sent)).status).toBe(400);
    }
  });
});

test("with a certificate the export is a CMS message, which openssl opens with its key", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coffre-cms-"));
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  try {
    for (const [key, ...kind] of [
      ["rsa", "-newkey", "rsa:2048"],
      ["curve", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ] as const) {
      openssl("req", "-x509", ...kind, "-nodes", "-keyout", `${key}.key`, "-out", `${key}.pem`, "-subj", "/CN=backup");
      const pem = readFileSync(join(folder, `${key}.pem`), "utf8");
      const exportCertificates = parseCertificates(pem, `${key}.pem`, new Date());
      scene = await LockselfScene.start({ style: { exportCertificates } });
      await fill();
      const order = { method: "downloadGlobalExport", organizationId: 1 };
      const { body } = await scene.ask("POST /api-key/download/generate/token", order);
      const bytes = Buffer.from(await (await fetch(body["link"] as string)).arrayBuffer());
      expect(bytes.includes("mail-api")).toBe(false);
      writeFileSync(join(folder, "export.p7m"), bytes);
      const opened = openssl(
        "cms",
        "-decrypt",
        "-inform",
        "DER",
        "-in",
        "export.p7m",
        "-inkey",
        `${key}.key`,
        "-recip",
        `${key}.pem`,
      );
      expect(parse(opened.toString("utf8"), { delimiter: ";", from: 2 })).toEqual(ROWS);
      if (key === "rsa") await scene.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("the log", () => {
  test("is read to the end in slices, by Python's dates and the known client's offsets", async () => {
    scene = await LockselfScene.start();
    await fill();
    const { total, items } = await python("logs", { limit: 2 });
    const all = await python("logs", { limit: 100_000 });
    expect(items).toEqual(all.items);
    expect(total).toBe(items.length);
    const created = items.find(({ action, type }) => action === "credential.created" && type === "password");
    expect(created).toMatchObject({
      userEmail: "root",
      organizationId: 1,
      date: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:/),
    });
    const listed = (await scene.ask("GET /api-key/credentials")).body.items;
    expect(listed[0]?.id).toBe(created?.targetId);
  });

  test("has what lies between two dates, in every odd form of them, and nothing for anybody but administrators", async () => {
    clock = new HandClock();
    scene = await LockselfScene.start({ clock });
    const before = await scene.category("Before");
    clock.pass({ minutes: 60 * 24 });
    await scene.category("After");
    const names = async (query: string) => {
      const { status, body } = await scene.ask(`GET /api-key/logs/content?${query}`);
      const { items } = body["_embedded"] as { items: { targetId: number }[] };
      return { status, total: body.total, first: items[0]?.targetId };
    };
    for (const dateOut of [
      "2030-01-01 12:00:00.123456+00:00",
      "2030-01-01T23:00:00Z",
      "2030-01-01 00:00:00",
      "20300101",
    ]) {
      const query = new URLSearchParams({ dateOut, organizationId: "1" }).toString();
      expect({ dateOut, ...(await names(query)) }).toEqual({ dateOut, status: 200, total: 1, first: before });
    }
    for (const dateIn of ["2030-01-01 00:00:01", "20300102", "2030-01-02T01:00:00+01:00"]) {
      expect(await names(new URLSearchParams({ dateIn }).toString())).toMatchObject({ total: 1 });
    }
    expect(await names("dateIn=0&dateOut=")).toMatchObject({ total: 2 });
    expect(await names("limit=1&offset=2")).toMatchObject({ total: 2 });
    for (const bad of ["dateIn=tomorrow", "dateIn=2030-02-30", "dateOut=2030-13-01", "offset=0", "limit=x"]) {
      expect((await scene.ask(`GET /api-key/logs/content?${bad}`)).status).toBe(400);
    }
    const token = await scene.member("mod", before, "manager", "moderator");
    expect((await scene.ask("GET /api-key/logs/content", undefined, { token })).status).toBe(403);
  });
});

test("the help centre's example creates an entry", async () => {
  scene = await LockselfScene.start();
  const categoryId = await fill();
  const { status, id } = await python("create", { categoryId });
  expect(status).toBe(201);
  expect((await scene.ask(`GET /api-key/credentials/${id}/decrypt`)).body).toMatchObject({
    password: 'p;w"d é',
    tags: "",
  });
});

test("curl does too, with the older header", async () => {
  scene = await LockselfScene.start();
  const categoryId = await scene.category("Partners");
  const headers = `header = "authorization: Bearer ${scene.token}"\nheader = "X-LS-TOKEN: ${scene.token}"\n`;
  const curl = (...more: string[]) => run("curl", ["-sS", "--config", "-", ...more], headers);
  const route = `${scene.server.origin}/api-key/credentials`;
  const made = JSON.parse(
    await curl("-d", `categoryId=${categoryId}`, "-d", "name=by-curl", "-d", "password=p", route),
  ) as { id: number };
  expect(made).toMatchObject({ name: "by-curl", categoryId: String(categoryId) });
  expect(JSON.parse(await curl(route))).toMatchObject({ total: "1", items: [{ id: made.id }] });
});
