import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { RecordVault } from "../../provider/vault/records/record-vault.js";
import type { Deposit, DropBox, Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { makeTokens, ServedVault } from "../../tools/served/served-vault.ts";
import { deposit, pieces } from "../contract/vault-cases/boxes.ts";
import { failure } from "../contract/vault-cases/setup.ts";
import { Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS * 5);

const BIG = Buffer.alloc(300_000, "0123456789");
const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

let shell: Shell;
let vault: Vault;
let served: ServedVault;
let box: DropBox;
let first: Deposit;
let second: Deposit;

beforeAll(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  const { id: categoryId } = await vault.createCategory({ name: "Partners", parentId: null });
  box = await vault.boxes.createBox({
    name: "acme",
    categoryId,
    recipients: ["ana@acme.example"],
    managers: ["cy@example.com"],
    description: "The <signed> statement\nand the figures",
    expiresAt: "2099-01-01T00:00:00Z",
    fileTypes: ["txt"],
    maxFileBytes: 20_000_000,
    keepDays: 30,
  });
  await vault.boxes.createBox({ name: "100%", categoryId: null, recipients: [] });
  first = await deposit(vault, box, { "a.txt": "old", "big.txt": BIG });
  second = await deposit(vault, box, { "a.txt": "new" });
  const opened = await vault.boxes.openDeposit(box.id, { by: "ana@acme.example", note: "more to come" });
  await vault.boxes.files.create({ depositId: opened.id, name: "half.txt", size: 1_500 });
  const place = { path: shell.vaultFile, keyFile: shell.keyFile };
  const [token = ""] = await makeTokens(place, [{ user: "ci", role: "administrator", label: "a test" }]);
  await writeFile(join(shell.home, "token"), token, { mode: 0o600 });
  const scanner = join(shell.home, "scan");
  await writeFile(scanner, "#!/bin/sh\ngrep -q EICAR && { echo 'stream: EICAR FOUND'; exit 1; }\nexit 0\n", {
    mode: 0o755,
  });
  served = await ServedVault.start(place, { args: ["--no-access-log", "--scanner", scanner, "--quota", "2MB"] });
});
afterAll(async () => {
  await served.stop();
  await vault.close();
  await shell.close();
});

const ways = {
  "in a file": () => ({}),
  "behind a server": () => ({
    COFFRE_URL: `coffre+${served.origin}`,
    COFFRE_TOKEN_FILE: join(shell.home, "token"),
    COFFRE_KEY_FILE: "",
  }),
};

describe.each(Object.entries(ways))("the drop-boxes of a vault %s", (way, env) => {
  const coffre = (...args: string[]) => shell.coffre(["box", ...args], { env: env() });
  const json = (...args: string[]) => shell.json(["box", ...args], { env: env() });

  test("are listed, shown, and found by path, by id and by an encoded path", async () => {
    const { stdout, stderr } = await coffre("list");
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      expect.stringMatching(/^BOX +STATUS +UNTIL +DEPOSITS +SIZE$/),
      expect.stringMatching(/^100% +open +0 +0 bytes$/),
      expect.stringMatching(/^Partners\/acme +open +2099-01-01 00:00 UTC +2 +300\.0 kB$/),
    ]);
    expect(stderr).toContain("2 drop-boxes.");
    expect((await coffre("list", "Partners")).stdout).not.toContain("100%");
    expect((await coffre("list", "Nowhere")).exitCode).toBe(3);
    expect(await json("list", "Partners")).toMatchObject([
      { id: box.id, path: ["Partners", "acme"], status: "open", depositCount: 2, maxBytes: null, keepDays: 30 },
    ]);
    for (const name of ["Partners/acme", box.id, "Partners/%61cme"]) {
      expect(await json("show", name)).toMatchObject({ id: box.id });
    }
    expect(await json("show", "100%")).toMatchObject({ path: ["100%"], description: null });
    const shown = (await coffre("show", "Partners/acme")).stdout;
    expect(shown).toMatch(/recipients +ana@acme\.example\n.*managers +cy@example\.com/s);
    expect(shown).toMatch(/wanted +The <signed> statement \/ and the figures\n/);
    expect(shown).toMatch(/holds +2 deposits, 300\.0 kB/);
    expect(shown.includes("/boxes/")).toBe(way !== "in a file");
    const absent = await coffre("show", "Partners/nobody");
    expect([absent.exitCode, absent.stderr]).toEqual([3, expect.stringContaining("coffre box list")]);
  });

  test("show their deposits, also one that is being made", async () => {
    const { stdout, stderr } = await coffre("deposits", "Partners/acme");
    expect(stderr).toContain("2 deposits in Partners/acme, and 1 being made.");
    expect(stdout).toMatch(
      new RegExp(`ana@acme.example +being made +dp_.*\\n +"more to come"\\n +half.txt +uploading, 0 bytes of 1.5 kB`),
    );
    expect(stdout).toContain(sha256(BIG));
    expect(await json("deposits", "--by", "eve@acme.example", "Partners/acme")).toEqual([]);
    expect(await json("deposits", box.id)).toMatchObject([
      {
        id: first.id,
        note: null,
        files: [{ name: "a.txt" }, { name: "big.txt", size: 300_000, type: { extension: "txt" } }],
      },
      { id: second.id, files: [{ name: "a.txt", sha256: sha256("new") }] },
      { submittedAt: null, files: [{ state: "uploading", sha256: null }] },
    ]);
  });

  test("are downloaded whole, with mode 0600, and not again", async () => {
    const to = join(shell.home, way.replaceAll(" ", "-"));
    await mkdir(to);
    const done = await json("download", "Partners/acme", "--to", to);
    expect(done).toMatchObject([
      { depositId: first.id, name: "a.txt", path: join(to, first.id, "a.txt"), sha256: sha256("old"), already: false },
      { name: "big.txt", size: 300_000 },
      { depositId: second.id, path: join(to, second.id, "a.txt") },
    ]);
    expect(await readFile(join(to, first.id, "big.txt"))).toEqual(BIG);
    expect((await stat(join(to, first.id, "big.txt"))).mode & 0o777).toBe(0o600);
    expect(await readdir(join(to, first.id))).toEqual(["a.txt", "big.txt"]);
    await writeFile(join(to, second.id, "a.txt"), "mine");
    const again = await coffre("download", "Partners/acme", "--to", to);
    expect([again.exitCode, again.stderr]).toEqual([5, expect.stringContaining("Another file stands at")]);
    expect(await readFile(join(to, second.id, "a.txt"), "utf8")).toBe("mine");
    expect(await json("download", "Partners/acme", "--to", to, "--force")).toMatchObject([
      { already: true },
      { already: true },
      { already: false },
    ]);

    const output = join(to, "newest.txt");
    await json("download", "Partners/acme", "a.txt", "--output", output);
    expect(await readFile(output, "utf8")).toBe("new");
    await json("download", "Partners/acme", first.files[0]?.id ?? "", "--output", output, "--force");
    expect(await readFile(output, "utf8")).toBe("old");
    expect((await coffre("download", box.id, "--output", output)).exitCode).toBe(2);
    expect((await coffre("download", box.id, "none.txt")).exitCode).toBe(3);
    expect((await coffre("download", box.id, "--deposit", "dp_none")).exitCode).toBe(3);
  });

  test.each(["/dev/null", "/proc/nope"])(
    "aren't downloaded to where no folder can be made, which is said: %s",
    async (to) => {
      const { exitCode, stderr } = await coffre("download", "Partners/acme", "--to", to);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(new RegExp(`^coffre: No folder can be made below --to ${to} \\(E[A-Z]+\\)\n`));
      expect(stderr).not.toContain("mistake in Coffre");
    },
  );

  test("leave nothing behind where a file can't be written", async () => {
    const to = join(shell.home, `full ${way}`);
    await mkdir(join(to, "a.txt"), { recursive: true });
    const { exitCode, stderr } = await coffre("download", box.id, "a.txt", "--output", join(to, "a.txt"));
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is a folder")]);
    expect(await readdir(to)).toEqual(["a.txt"]);
    await chmod(to, 0o500);
    if (process.getuid?.() !== 0) {
      expect((await coffre("download", box.id, "a.txt", "--output", join(to, "b.txt"))).exitCode).toBe(1);
    }
  });
});

test("an upload into a box that was closed isn't shown as under way", async () => {
  const { id: boxId } = await vault.boxes.createBox({
    name: "half",
    categoryId: null,
    recipients: ["ana@acme.example"],
  });
  const { id: depositId } = await vault.boxes.openDeposit(boxId, { by: "ana@acme.example" });
  const { files } = vault.boxes;
  const { id } = await files.create({ depositId, name: "half.txt", size: 1_500 });
  await files.append(id, 0, pieces(Buffer.alloc(500)));
  expect((await shell.coffre(["box", "deposits", "half"])).stdout).toMatch(
    /half\.txt +uploading, 500 bytes of 1\.5 kB/,
  );
  await shell.coffre(["box", "close", "half"]);
  const { stdout, stderr } = await shell.coffre(["box", "deposits", "half"]);
  expect(stdout).toMatch(/^ana@acme\.example +not handed in +dp_.*\n +half\.txt +stopped, 500 bytes of 1\.5 kB/);
  expect(stderr).toContain("0 deposits in half, and 1 not handed in.");
});

test("a server's scanner lets out what is clean, keeps the quota, and stands in the minutes", async () => {
  const token = new Secret((await readFile(join(shell.home, "token"), "utf8")).trim());
  const remote = openRemoteVault({ origin: served.origin, token: () => token });
  try {
    const made = await remote.boxes.createBox({ name: "scanned", categoryId: null, recipients: ["ana@acme.example"] });
    const { files } = await deposit(remote, made, { "clean.txt": "a letter", "bad.txt": "EICAR" });
    const states = async () =>
      (await Promise.all(files.map(({ id }) => remote.boxes.files.readFile(id)))).map(({ state }) => state);
    while ((await states()).includes("quarantine")) await systemClock.sleep(20);
    expect(await states()).toEqual(["ready", "refused"]);
    expect((await shell.coffre(["box", "deposits", "scanned"])).stdout).toMatch(
      /bad\.txt +refused: stream: EICAR FOUND/,
    );
    const minutes = (await shell.coffre(["box", "minutes", "scanned"])).stdout;
    expect(minutes).toMatch(/found clean by the scanner .*\n +clean\.txt/);
    expect(minutes).toMatch(/refused by the scanner .*stream: EICAR FOUND\n +bad\.txt/);
    await failure(deposit(remote, made, { "large.txt": Buffer.alloc(1_900_000) }), "DISK_FULL");
  } finally {
    await remote.close();
  }
});

test("the minutes say who deposited, downloaded and closed, in three forms, and hold no content", async () => {
  const { id } = await vault.boxes.createBox({
    name: "minutes",
    categoryId: null,
    recipients: ["ana@acme.example"],
    description: "<script>alert(1)</script>\u202Efdp",
  });
  if (!(vault instanceof RecordVault)) throw new Error("no outbox");
  const mails = await vault.outbox.take({ limit: 100 });
  await vault.outbox.settle(mails.map((mail) => ({ id: mail.id, outcome: "sent" })));
  const made = await deposit(vault, await vault.boxes.readBox(id), { "a.txt": "the content", "b.txt": "more" });
  await shell.json(["box", "download", "minutes", "a.txt", "--output", join(shell.home, "a.txt")]);
  await vault.boxes.files.deleteFile(made.files[1]?.id ?? "");
  await vault.boxes.updateBox(id, { recipients: ["ana@acme.example", "bo@acme.example"] });
  expect((await shell.coffre(["box", "close", "minutes"])).stdout).toBe("minutes is closed.\n");
  expect(await shell.json(["box", "close", "minutes"])).toMatchObject({ status: "closed", enabled: false });
  await vault.boxes.updateBox(id, { enabled: true });
  await vault.boxes.deleteDeposit(made.id);
  expect(await shell.json(["box", "close", "--archive", "minutes"])).toMatchObject({ status: "archived" });
  expect((await shell.coffre(["box", "close", "minutes"])).exitCode).toBe(3);
  expect(await shell.json(["box", "list", "--archived"])).toMatchObject([{ id, path: ["minutes"] }]);

  const { entries } = (await shell.json(["box", "minutes", id])) as { entries: Record<string, unknown>[] };
  const user = expect.stringContaining("(cli)");
  const ana = "ana@acme.example";
  const a = { name: "a.txt", size: 11, sha256: sha256("the content") };
  expect(entries.filter(({ what }) => !String(what).startsWith("mail"))).toMatchObject([
    { what: "opened", by: "a test", detail: expect.stringContaining(`recipients ${ana};`) },
    { what: "deposited", by: ana, files: [a, { name: "b.txt", sha256: sha256("more") }] },
    { what: "downloaded", by: user, files: [a] },
    { what: "file-deleted", by: "a test", files: [{ name: "b.txt" }] },
    { what: "changed", detail: expect.stringContaining("bo@acme.example") },
    { what: "closed", by: user },
    { what: "reopened", by: "a test" },
    { what: "deposit-deleted", by: "a test", detail: `deposited by ${ana}`, files: [a] },
    { what: "archived", by: user },
  ]);

  const { stdout } = await shell.coffre(["box", "minutes", id]);
  expect(
    stdout
      .replaceAll(/^\S+ \S+ UTC/gm, "AT")
      .replaceAll(/\S+ \(cli\)/g, "ME")
      .split("\n"),
  ).toEqual(
    expect.arrayContaining([
      "AT  opened  by a test",
      `    recipients: ${ana}`,
      "    managers: nobody",
      "    open until: no end date",
      "    recipients see all deposits",
      `AT  mail sent  by a test  invitation to ${ana}`,
      `AT  changed  by a test  recipients: ${ana}, bo@acme.example`,
      "AT  closed  by ME",
      "AT  opened again  by a test",
    ]),
  );
  expect(stdout).not.toMatch(/until archived|enabled|box-opened/);
  expect(stdout).toMatch(/deposited {2}by ana@acme\.example\n {4}a\.txt, 11 bytes, SHA-256 [0-9a-f]{64}\n/);
  const page = join(shell.home, "minutes.html");
  const { exitCode } = await shell.coffre(["box", "minutes", id, "--format", "html", "--output", page]);
  expect(exitCode).toBe(0);
  const html = await readFile(page, "utf8");
  expect((await stat(page)).mode & 0o777).toBe(0o600);
  expect(html).toContain("&lt;script&gt;alert(1)");
  expect(html).not.toMatch(/<script|\u202E|until archived|box-opened/);
  expect(html).toContain(`<div>invitation to ${ana}</div>`);
  for (const text of [stdout, html, JSON.stringify(entries)]) {
    expect(text).toContain(sha256("the content"));
    expect(text).not.toContain("the content");
  }
  expect((await shell.coffre(["box", "minutes", id, "--format", "pdf"])).exitCode).toBe(2);
  expect((await shell.coffre(["box", "minutes", id, "--format", "html", "--json"])).exitCode).toBe(2);
});

test("what is damaged on its way isn't left as a file", async () => {
  const made = await vault.boxes.createBox({ name: "damaged", categoryId: null, recipients: ["ana@acme.example"] });
  const { files } = await deposit(vault, made, { "a.txt": "text" });
  const content = `${shell.vaultFile}.files/${files[0]?.id ?? ""}`;
  await writeFile(content, Buffer.from(await readFile(content)).fill(0, 20, 21));
  const output = join(shell.home, "damaged.txt");
  const { exitCode, stderr } = await shell.coffre(["box", "download", "damaged", "--output", output]);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("was altered")]);
  await expect(stat(output)).rejects.toThrow("ENOENT");
});
