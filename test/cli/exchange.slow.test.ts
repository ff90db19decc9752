import { execFile } from "node:child_process";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { Vault } from "../../provider/vault/port.js";
import { hasKeepassxc, keepassxc } from "../fixtures/keepassxc.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
let vault: Vault;

beforeEach(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault("prod");
});

afterEach(async () => {
  await vault.close();
  await shell.close();
});

const HEADER = "Name;URL;Username;Password;Category/SubCategory;Tags;Description;Opt1;Opt2;Opt3;Totp";

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await shell.coffre(args);
  return shell.plain(`${stdout}${stderr}exit ${String(exitCode)}`);
}

const file = async (name: string, text: string) => {
  await writeFile(join(shell.home, name), text, { mode: 0o600 });
  return name;
};

test("an import: its dry run, the run, the same again, and lines that are wrong", async () => {
  const csv = await file(
    "in.csv",
    `${HEADER}\norders/app;;u;hunter2-one;Databases;;;;;;\nmail;;u;hunter2-two;;;;;;;\n`,
  );
  const args = ["import", "--format", "lockself-csv", csv, "--category", "From/LockSelf"];
  const note = 'note      line 2: it is called "orders/app" in the file, and "orders-app" here\n';
  expect(await said(...args, "--dry-run")).toBe(
    `new       From/LockSelf/Databases/orders-app\nnew       From/LockSelf/mail\n${note}Would be imported: 2 new.\nexit 0`,
  );
  expect(await said(...args)).toBe(`${note}Imported: 2 new.\nexit 0`);
  expect(await said(...args)).toBe(`${note}Imported: 2 as it was.\nexit 0`);
  expect((await shell.coffre(["read", "From/LockSelf/mail"])).stdout).toBe("hunter2-two\n");
  const bad = await file("bad.csv", `${HEADER}\na;;;;C;;;;;;\nb;;;hunter2;C;;;;;;hunter2\n`);
  const refused = await said("import", "--format", "lockself-csv", bad);
  expect(refused).toBe(
    "wrong     line 2, Password: it is empty\nwrong     line 3, Totp: it has fewer than 80 bits\n" +
      "2 things can't be taken: nothing was imported.\nexit 2",
  );
  const { stdout, exitCode } = await shell.coffre(["import", "--format", "lockself-csv", bad, "--json"]);
  expect(exitCode).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    created: 0,
    problems: [{ where: "line 2", field: "Password" }, { where: "line 3" }],
  });
  expect(stdout).not.toContain("hunter2");
  expect(await said("import", "--format", "xls", csv)).toContain("There is no format of that name");
});

test("a plain export is refused; one for an age recipient comes back through --identity-file", async () => {
  await entry(vault, "Databases/orders", { username: "app", value: "the value" });
  expect(await said("export", "--format", "json", "--to", "out.json")).toContain("none is written in clear");
  expect(await readdir(shell.home)).not.toContain("out.json");
  const identity = await generateX25519Identity();
  await file("id", `${identity}\n`);
  const recipient = await identityToRecipient(identity);
  expect(await said("export", "--format", "json", "--to", "out/prod.json.age", "--recipient", recipient)).toBe(
    `Exported: 1 entries to ${shell.home}/out/prod.json.age.\nexit 0`.replaceAll(shell.home, shell.plain(shell.home)),
  );
  expect(await said("import", "--format", "json", "out/prod.json.age")).toBe(
    "coffre: The file out/prod.json.age is encrypted by age\n" +
      "  Give --identity-file <path>: the age identity that it was encrypted for.\nexit 2",
  );
  const written = await readFile(join(shell.home, "out/prod.json.age"));
  expect([(await stat(join(shell.home, "out/prod.json.age"))).mode & 0o777, written.includes("the value")]).toEqual([
    0o600,
    false,
  ]);
  const back = ["import", "--format", "json", "out/prod.json.age", "--identity-file", "id"];
  expect(await said(...back, "--category", "Back")).toBe("Imported: 1 new.\nexit 0");
  expect((await shell.coffre(["read", "Back/Databases/orders"])).stdout).toBe("the value\n");
  await promisify(execFile)(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      "k.pem",
      "-out",
      "c.pem",
      "-subj",
      "/CN=ana",
      "-days",
      "2",
    ],
    { cwd: shell.home },
  );
  expect(
    await said(
      "export",
      "--format",
      "lockself-csv",
      "--to",
      "out/a.cms",
      "--certificate",
      "c.pem",
      "--category",
      "Databases",
    ),
  ).toContain("Exported: 1 entries");
  const opened = await promisify(execFile)(
    "openssl",
    ["cms", "-decrypt", "-binary", "-inform", "DER", "-in", "out/a.cms", "-inkey", "k.pem", "-recip", "c.pem"],
    { cwd: shell.home },
  );
  expect(opened.stdout).toBe(`${HEADER}\norders;;app;the value;Databases;;;;;;\n`);
});

(hasKeepassxc ? test : test.skip)(
  "a KeePass file goes out, is opened by KeePassXC, and comes in again with its history",
  async () => {
    await entry(vault, "Databases/orders", { username: "app", value: "the value" });
    await entry(vault, "Mail/relay", { value: "another value" });
    await file("pass", "a passphrase of eight words, as it were\n");
    const args = [
      "export",
      "--format",
      "kdbx",
      "--to",
      "db.kdbx",
      "--to-passphrase-file",
      "pass",
      "--category",
      "Databases",
    ];
    expect(await said(...args)).toContain("Exported: 1 entries");
    const path = join(shell.home, "db.kdbx");
    const passphrase = "a passphrase of eight words, as it were";
    expect(await keepassxc(["ls", "-q", "-R", "-f", path], passphrase)).not.toContain("relay");
    await keepassxc(["edit", "-q", "-p", path, "/Databases/orders"], passphrase, "changed there");
    expect(
      await said("import", "--format", "keepass", "db.kdbx", "--from-passphrase-file", "pass", "--category", "Back"),
    ).toBe("Imported: 1 new.\nexit 0");
    expect((await shell.coffre(["read", "Back/Databases/orders"])).stdout).toBe("changed there\n");
    expect((await shell.coffre(["read", "Back/Databases/orders?version=1"])).stdout).toBe("the value\n");
    expect(await said(...args)).toContain("somebody changed it in the file");
    await file("wrong", "another\n");
    expect(await said("import", "--format", "keepass", "db.kdbx", "--from-passphrase-file", "wrong")).toMatch(
      /doesn't open with this key[^]*exit 4$/,
    );
    expect(await said("--vault", `kdbx://${path}`, "--passphrase-file", "pass", "list", "--paths")).toContain(
      "Databases/orders\n",
    );
    const put = await shell.coffre(
      ["--vault", `kdbx://${path}`, "--passphrase-file", "pass", "put", "Databases/orders"],
      { input: "new" },
    );
    expect([put.exitCode, put.stderr]).toEqual([1, expect.stringContaining("is only read")]);
  },
);

test("a move: its dry run, the proof, and what stays", async () => {
  await entry(vault, "Partners/mail", { value: "the value" });
  await entry(vault, "Databases/owned", { owner: { key: "k", stack: "s", token: "t" } });
  const robots = ["--vault", "file://~/robots.db", "--key-file", "robots.key"];
  await shell.coffre([...robots, "vault", "init", "--name", "robots"]);
  const args = ["move", "--to", "file://~/robots.db", "--to-key-file", "robots.key"];
  const stays = "stays     Databases/owned: a stack declares it: it moves with its stack\n";
  expect(await said(...args, "--dry-run")).toBe(
    `moves     Partners/mail\n${stays}prod to robots: 1 would move.\nexit 0`,
  );
  expect(await said(...args)).toBe(
    `${stays}prod to robots: 1 copied and the same in every field, 1 taken away from prod.\nexit 0`,
  );
  expect((await shell.coffre([...robots, "read", "Partners/mail"])).stdout).toBe("the value\n");
  expect(await said("read", "Partners/mail")).toMatch(/exit 3$/);
  await entry(vault, "Partners/mail", { value: "another's" });
  expect(await said(...args, "--dry-run")).toBe(
    `${stays}prod to robots: nothing would move.\n` +
      "differs   Partners/mail: there is another entry in the destination already\nexit 5",
  );
});
