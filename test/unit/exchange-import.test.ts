import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { collect } from "../../provider/core/collect.js";
import { Secret } from "../../provider/core/secret.js";
import { readBitwardenJson } from "../../provider/exchange/bitwarden-json.js";
import { readChromeCsv } from "../../provider/exchange/chrome-csv.js";
import type { ExchangeFile } from "../../provider/exchange/entry.js";
import { importFile, type ImportRequest } from "../../provider/exchange/import.js";
import { readLockselfCsv, writeLockselfCsv } from "../../provider/exchange/lockself-csv.js";
import { readEntries } from "../../provider/exchange/read-vault.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";

const HEADER = "Name;URL;Username;Password;Category/SubCategory;Tags;Description;Opt1;Opt2;Opt3;Totp";
const SEED = "JBSWY3DPEHPK3PXP";
const csv = (...lines: string[]) => Buffer.from([HEADER, ...lines].join("\n"));

async function bring(vault: Vault, file: ExchangeFile, more: Partial<ImportRequest> = {}) {
  const fileDigest = createHash("sha256")
    .update(JSON.stringify(file.entries.map(({ path }) => path)))
    .digest("hex");
  return importFile({ vault, file, fileDigest, onExisting: "fail", ...more });
}

async function valuesOf(vault: Vault): Promise<Record<string, Record<string, string[]>>> {
  const { entries } = await readEntries(vault);
  return Object.fromEntries(
    entries.map(({ entry }) => [
      entry.path.join("/"),
      Object.fromEntries(
        entry.values.map(({ field, versions }) => [field, versions.map(({ value }) => value.reveal())]),
      ),
    ]),
  );
}

const problemsOf = ({ problems }: Pick<ExchangeFile, "problems">) =>
  problems.map(({ where, field = "", what }) => `${where} ${field}: ${what}`);

describe("a LockSelf CSV", () => {
  test("comes in whole: categories, texts, tags, optional fields, one-time codes, quotes and line breaks", async () => {
    const vault = createMemoryVault();
    const line = `orders;https://db;app;"p;""é"";\n two";Production/Databases;"eu, db";"two\nlines";o1;;o3;${SEED}`;
    const report = await bring(vault, readLockselfCsv(csv(line, `root;;;p2;;;;;;;`), "f"));
    expect(report).toMatchObject({ problems: [], notes: [], steps: [{ action: "create" }, { action: "create" }] });
    expect(await valuesOf(vault)).toEqual({
      "Production/Databases/orders": { password: ['p;"é";\n two'], opt1: ["o1"], opt3: ["o3"], totp: [SEED] },
      root: { password: ["p2"] },
    });
    expect(await vault.findCredential(["Production", "Databases", "orders"])).toMatchObject({
      url: "https://db",
      username: "app",
      description: "two\nlines",
      tags: ["eu", "db"],
      status: "current",
      valueManagedBy: "external",
    });
  });

  test("goes out as it came in, byte for byte of every cell", async () => {
    const vault = createMemoryVault();
    const bytes = csv(
      `a b;https://x;u;"=1+2;""";C/D;"t1,t2";"d;d\nd";1;2;3;${SEED}`,
      "b;;;  spaces  ;C;;;;;;",
      "c;;;'p';C;;;;;;",
      "",
    );
    await bring(vault, readLockselfCsv(bytes, "f"));
    const { entries } = await readEntries(vault);
    const written = writeLockselfCsv(
      entries.map(({ entry }) => entry),
      "root",
    );
    const again = createMemoryVault();
    await bring(again, readLockselfCsv(written.bytes, "f"));
    expect(await valuesOf(again)).toEqual(await valuesOf(vault));
    expect(await collect(again.listCredentials())).toMatchObject(
      (await collect(vault.listCredentials())).map(
        ({ path, username, url, tags, description }) =>
          JSON.parse(JSON.stringify({ path, username, url, tags, description })) as object,
      ),
    );
    expect(written.notes).toEqual([{ where: "C/D/a b", field: "Password", what: expect.stringContaining("formula") }]);
  });

  test.each([
    ["commas", HEADER.replaceAll(";", ","), /has a comma between its cells, where a LockSelf CSV has a semicolon/],
    ["tabs", HEADER.replaceAll(";", "\t"), /has a tab between/],
    ["another header", "Nom;URL;Password", /doesn't begin with the header/],
    ["a column too few", HEADER.replace(";Totp", ""), /doesn't begin with the header/],
    ["nothing", "", /is empty/],
    ["a quote that isn't closed", `${HEADER}\na;;;"hunter2;C;;;;;;`, /a quote that is never closed/],
    ["a quote within", `${HEADER}\na;;;hun"ter2;C;;;;;;`, /a quote in the middle of a cell on line 2/],
  ])("with %s is refused as a whole, and no cell of it is repeated", (_what, text, message) => {
    const read = () => readLockselfCsv(Buffer.from(text), "f.csv");
    expect(read).toThrow(message);
    expect(read).not.toThrow(/hunter2|hun"ter2/);
  });

  test("what isn't UTF-8 is refused; a byte order mark, UTF-16 and Windows line ends are none of its content", async () => {
    const text = `${HEADER}\r\nné;;;pé;C;;;;;;\r\n`;
    expect(() => readLockselfCsv(Buffer.from(text, "latin1"), "f")).toThrow(/isn't text in UTF-8/);
    for (const bytes of [Buffer.from(`\ufeff${text}`), Buffer.from(`\ufeff${text}`, "utf16le")]) {
      const { entries, problems } = readLockselfCsv(bytes, "f");
      expect([entries[0]?.path, problems]).toEqual([["C", "né"], []]);
      expect(entries[0]?.values[0]?.versions[0]?.value.reveal()).toBe("pé");
    }
  });

  test("errors are listed by line, all of them, and nothing is written", async () => {
    const vault = createMemoryVault();
    const file = readLockselfCsv(
      csv(
        "good;;;p;C;;;;;;",
        "a;;;;C;;;;;;",
        ";;;p;C;;;;;;",
        "b;;;p;C//D;;;;;;",
        "c;;;p;C",
        `d;;;p;C;;;;;;hunter2`,
        'e;;;"p\nq";C;;;;;;',
        "f;;;;C;;;;;;",
      ),
      "f",
    );
    const report = await bring(vault, file);
    expect(problemsOf(report)).toEqual([
      "line 6 : it has 5 cells, and the header 11: a cell with the separator, a quote or a line break in it needs quotes around it",
      "line 3 Password: it is empty",
      "line 4 Name: it is empty",
      "line 5 Category/SubCategory: it has a category without a name",
      "line 7 Totp: it has fewer than 80 bits",
      "line 10 Password: it is empty",
    ]);
    expect(await collect(vault.listCredentials())).toEqual([]);
    expect(await collect(vault.listCategories())).toEqual([]);
  });

  test("names with a slash, of one name, or of a personal space come in under names that fit, and are listed", async () => {
    const vault = createMemoryVault();
    const report = await bring(
      vault,
      readLockselfCsv(
        csv("TCP/IP;;u1;p1;C;;;;;;", "TCP/IP;;u2;p2;C;;;;;;", "TCP/IP;;u2;p3;C;;;;;;", "x;;;p;Perso;;;;;;"),
        "f",
      ),
    );
    expect(Object.keys(await valuesOf(vault)).sort()).toEqual([
      "C/TCP-IP",
      "C/TCP-IP (u2)",
      "C/TCP-IP (u2) (2)",
      "Perso/x",
    ]);
    expect(report.notes.map(({ where }) => where)).toEqual(["line 2", "line 3", "line 4", "line 5"]);
  });

  test("a formula comes in as it is, and the risk is named", async () => {
    const vault = createMemoryVault();
    const report = await bring(vault, readLockselfCsv(csv(`=HYPERLINK(1);;@u;=1+1;C;;;;;;`), "f"));
    expect(report.notes.map(({ field }) => field)).toEqual(["Name", "Username"]);
    expect(await valuesOf(vault)).toEqual({ "C/=HYPERLINK(1)": { password: ["=1+1"] } });
  });

  test("50,000 lines are read, and all of them compared", async () => {
    const lines = Array.from(
      { length: 50_000 },
      (_, index) => `n${index};https://h${index};u;p${index}é;C${index % 50}/S${index % 7};t;;;;;`,
    );
    const { entries, problems, notes } = readLockselfCsv(csv(...lines), "f");
    expect([entries.length, problems, notes]).toEqual([50_000, [], []]);
    const again = readLockselfCsv(writeLockselfCsv(entries, "root").bytes, "f").entries;
    expect(again.every((entry, index) => entry.values[0]?.versions[0]?.value.reveal() === `p${index}é`)).toBe(true);
  });
});

describe("an import", () => {
  const one = (password = "p") => readLockselfCsv(csv(`a;;u;${password};C;;;;;;`), "f");

  test("of a dry run writes nothing and says what it would do", async () => {
    const vault = createMemoryVault();
    const { head } = await vault.identity();
    expect(await bring(vault, one(), { dryRun: true, into: ["From", "LockSelf"] })).toMatchObject({
      steps: [{ action: "create", entry: { path: ["From", "LockSelf", "C", "a"] } }],
    });
    expect((await vault.identity()).head).toBe(head);
  });

  test("an entry that is there stops it, is left out, or is brought up to date with its earlier value kept", async () => {
    const vault = createMemoryVault();
    await bring(vault, one("first"));
    const other = { fileDigest: "another file" };
    expect(problemsOf(await bring(vault, one("second"), other))).toEqual(["line 2 : there is an entry C/a already"]);
    expect(await bring(vault, one("second"), { ...other, onExisting: "skip" })).toMatchObject({
      steps: [{ action: "skip" }],
    });
    expect(await valuesOf(vault)).toEqual({ "C/a": { password: ["first"] } });
    expect(await bring(vault, one("second"), { ...other, onExisting: "update" })).toMatchObject({
      steps: [{ action: "update" }],
    });
    expect(await valuesOf(vault)).toEqual({ "C/a": { password: ["first", "second"] } });
    expect(await bring(vault, one("second"), { fileDigest: "a third", onExisting: "update" })).toMatchObject({
      steps: [{ action: "unchanged" }],
    });
  });

  test("an entry that Coffre rotates, or a stack declares, is never changed by a file", async () => {
    const vault = createMemoryVault();
    const { id } = await vault.createCategory({ name: "C", parentId: null });
    await vault.createCredentials([
      {
        name: "a",
        categoryId: id,
        owner: { key: "k", stack: "s", token: "t" },
        valueManagedBy: "external",
        initial: { value: new Secret("v"), causes: [] },
      },
    ]);
    expect(problemsOf(await bring(vault, one(), { onExisting: "update" }))).toEqual([
      "line 2 : the entry C/a is declared by a stack, and isn't changed by a file",
    ]);
  });

  test("the same file again does nothing, and goes on where a kill left a history", async () => {
    const vault = createMemoryVault();
    const file = one("third");
    file.entries[0]!.values[0]!.versions.unshift(
      ...["first", "second"].map((text) => ({ type: "secret" as const, value: new Secret(text) })),
    );
    const die = vault.acquireLease.bind(vault);
    vault.acquireLease = () => new Promise(() => undefined); // killed before the first answer
    void bring(vault, file);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await valuesOf(vault)).toEqual({ "C/a": { password: ["first"] } });
    vault.acquireLease = die;
    expect(await bring(vault, file)).toMatchObject({ problems: [], steps: [{ action: "unchanged" }] });
    expect(await valuesOf(vault)).toEqual({ "C/a": { password: ["first", "second", "third"] } });
    await bring(vault, file);
    expect(await valuesOf(vault)).toEqual({ "C/a": { password: ["first", "second", "third"] } });
  });

  test("a write that fails leaves nothing behind, neither entries nor categories", async () => {
    const vault = createMemoryVault();
    const file = one();
    file.entries[0]!.values[0]!.versions.push({ type: "secret", value: new Secret("later") });
    vault.acquireLease = () => Promise.reject(new Error("the disk is gone"));
    await expect(bring(vault, file)).rejects.toThrow("the disk is gone");
    expect([await collect(vault.listCredentials()), await collect(vault.listCategories())]).toEqual([[], []]);
  });

  test("a password that breaks its category's policy stops it, unless it is to be kept and listed", async () => {
    const vault = createMemoryVault();
    await vault.createCategory({ name: "C", parentId: null, policy: { minLength: 12 } });
    expect(problemsOf(await bring(vault, one()))).toEqual([
      "line 2 password: it breaks the policy of its category: it must have at least 12 characters (category C)",
    ]);
    const report = await bring(vault, one(), { keepWeak: true });
    expect([report.problems, report.notes.length]).toEqual([[], 1]);
    expect(await valuesOf(vault)).toEqual({ "C/a": { password: ["p"] } });
  });
});

describe("a browser's CSV", () => {
  test("with and without notes; entries of one site are told apart by their user", async () => {
    const vault = createMemoryVault();
    const text =
      'name,url,username,password,note\nx.com,https://x.com/,ana,p1,"a, note"\nx.com,https://x.com/,bo,p2,\n,https://y.com/z,u,,\n';
    const report = await bring(vault, readChromeCsv(Buffer.from(text), "f"));
    expect(await valuesOf(vault)).toEqual({
      "x.com": { password: ["p1"] },
      "x.com (bo)": { password: ["p2"] },
      "y.com": {},
    });
    expect(report.notes).toContainEqual({
      where: "line 4",
      field: "password",
      what: "it has none: the entry awaits its value",
    });
    expect(readChromeCsv(Buffer.from("name,url,username,password\na,b,c,d\n"), "f").entries).toHaveLength(1);
    expect(readChromeCsv(Buffer.from("name,url,username,password\na,b,=c(),d\n"), "f").notes).toEqual([
      { where: "line 2", field: "username", what: expect.stringContaining("formula") },
    ]);
    expect(() => readChromeCsv(Buffer.from("name;url;username;password\n"), "f")).toThrow(
      "has a semicolon between its cells",
    );
  });
});

describe("a JSON of Bitwarden", () => {
  const item = (more: object) => ({ type: 1, name: "shop", notes: null, folderId: "f1", ...more });
  const file = (...items: unknown[]) =>
    Buffer.from(JSON.stringify({ encrypted: false, folders: [{ id: "f1", name: "Work/Shops" }], items }));

  test("logins with history, fields, several addresses and seeds; notes, cards and keys as secrets", async () => {
    const vault = createMemoryVault();
    const login = {
      uris: [{ uri: "https://a" }, { uri: "https://b" }],
      username: "ana",
      password: "third",
      totp: SEED,
      fido2Credentials: [{}],
    };
    const passwordHistory = [
      { lastUsedDate: "2026-02-01T00:00:00Z", password: "second" },
      { lastUsedDate: "2025-12-01T00:00:00.000Z", password: "first" },
    ];
    const fields = [
      { name: "API key", value: "k", type: 1 },
      { name: "plan", value: "large", type: 0 },
      { name: "same", value: null, type: 3 },
    ];
    const report = await bring(
      vault,
      readBitwardenJson(
        file(
          item({ login, fields, passwordHistory, notes: "n" }),
          item({ type: 2, name: "codes", notes: "1234" }),
          item({ type: 3, name: "card", card: { number: "4111", expYear: "2030" } }),
          item({ name: "old", deletedDate: "2026-01-01T00:00:00Z" }),
        ),
        "f",
      ),
    );
    expect(await valuesOf(vault)).toEqual({
      "Work/Shops/shop": {
        password: ["first", "second", "third"],
        totp: [SEED],
        "url-2": ["https://b"],
        "API-key": ["k"],
        plan: ["large"],
      },
      "Work/Shops/codes": { note: ["1234"] },
      "Work/Shops/card": { "card-number": ["4111"], "card-expYear": ["2030"] },
    });
    expect(report.notes.map(({ where, field = "" }) => `${where} ${field}`)).toEqual([
      "item 1 API-key",
      "item 1 same",
      "item 1 ",
      "item 4 ",
    ]);
  });

  test("dates in odd forms don't lose a password: the file's own order is taken, and said so", () => {
    const passwordHistory = [
      { lastUsedDate: "yesterday", password: "second" },
      { lastUsedDate: "20261301", password: "first" },
    ];
    const read = readBitwardenJson(file(item({ login: { password: "third" }, passwordHistory })), "f");
    expect(read.entries[0]?.values[0]?.versions.map(({ value }) => value.reveal())).toEqual([
      "first",
      "second",
      "third",
    ]);
    expect(read.notes[0]).toMatchObject({
      where: "item 1",
      what: expect.stringContaining("the order in the file is taken"),
    });
  });

  test("an encrypted one, what is no JSON, and an item of another shape are refused without a value", () => {
    expect(() => readBitwardenJson(Buffer.from('{"encrypted":true,"data":"x"}'), "f")).toThrow(/encrypted export/);
    expect(() => readBitwardenJson(Buffer.from('{"items":hunter2'), "f")).toThrow(
      /^INVALID_INPUT: The file f isn't JSON/,
    );
    expect(() => readBitwardenJson(Buffer.from("[]"), "f")).toThrow(/isn't an export of Bitwarden/);
    expect(problemsOf(readBitwardenJson(file(item({ login: "hunter2" })), "f"))).toEqual([
      "item 1 login: it isn't as Bitwarden writes it",
    ]);
  });
});
