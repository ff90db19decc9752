import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
beforeEach(async () => {
  shell = await Shell.open();
});
afterEach(() => shell.close());

test("a first vault goes to the user's folders, and later commands find it", async () => {
  const made = await shell.coffre(["vault", "init", "--name", "prod"]);

  expect(shell.plain(made.stdout)).toBe(`The vault prod is made.
  vault  ~/.local/share/coffre/prod.db
  key    ~/.config/coffre/prod.key (new, mode 0600)
`);
  expect(made.stderr).toBe(`Keep a copy of the key in another place than the vault: without it nobody opens the vault.
Whoever holds a key of this vault reads everything in it: a file can't enforce rights.
Later commands find both by the configuration: \`coffre doctor\` shows it.
`);
  expect(made.exitCode).toBe(0);
  expect((await stat(join(shell.home, ".config/coffre/prod.key"))).mode & 0o777).toBe(0o600);
  expect((await stat(join(shell.home, ".local/share/coffre/prod.db"))).mode & 0o777).toBe(0o600);

  expect(await shell.coffre(["list"])).toEqual({
    stdout: "",
    stderr: "0 credentials in 0 categories, vault prod.\n",
    exitCode: 0,
  });
});

test("an existing vault is never overwritten", async () => {
  await shell.coffre(["vault", "init"]);
  const before = await readFile(shell.vaultFile);

  const again = await shell.coffre(["vault", "init"]);

  expect(again.stdout).toBe("");
  expect(shell.plain(again.stderr)).toBe(`coffre: There is a file at ~/.local/share/coffre/main.db already
  A vault is never overwritten. Choose another --name or --vault; \`coffre doctor\` shows what is configured.
`);
  expect(again.exitCode).toBe(5);
  expect(await readFile(shell.vaultFile)).toEqual(before);
});

test("a second vault leaves the user's default alone unless told otherwise", async () => {
  await shell.coffre(["vault", "init", "--name", "first"]);
  const configuration = join(shell.home, ".config/coffre/config.yaml");
  const before = await readFile(configuration, "utf8");

  const second = await shell.coffre(["vault", "init", "--name", "second"]);
  expect(shell.plain(second.stderr)).toContain(
    "Another vault is configured here. Later commands find this one with: " +
      "export COFFRE_URL=file://~/.local/share/coffre/second.db COFFRE_KEY_FILE=~/.config/coffre/second.key\n",
  );
  expect(await readFile(configuration, "utf8")).toBe(before);

  await shell.coffre(["vault", "init", "--name", "third", "--set-default"]);
  expect(await readFile(configuration, "utf8")).toContain("third.db");
  expect(await shell.json(["doctor"])).toMatchObject({ ok: true });
});

test("a second vault under a passphrase says by which file later commands open it", async () => {
  await shell.coffre(["vault", "init", "--name", "first"]);
  await writeFile(join(shell.home, "passphrase"), "a long passphrase of ours", { mode: 0o600 });
  const second = await shell.coffre(["vault", "init", "--name", "second", "--passphrase-file", "passphrase"]);
  expect(shell.plain(second.stderr)).toContain(
    "export COFFRE_URL=file://~/.local/share/coffre/second.db COFFRE_PASSPHRASE_FILE=~/passphrase\n",
  );
});

test("url and key file can be chosen, and a key file that is there is used as it is", async () => {
  await mkdir(join(shell.home, "srv"));
  const flags = ["--vault", "file://./srv/prod.db", "--key-file", "srv/prod.key"];
  expect(await shell.json(["vault", "init", "--name", "prod", "--no-set-default", ...flags])).toMatchObject({
    vault: "prod",
    url: `file://${shell.home}/srv/prod.db`,
    file: `${shell.home}/srv/prod.db`,
    keyFile: `${shell.home}/srv/prod.key`,
    keyMade: true,
    found: false,
  });
  const key = await readFile(join(shell.home, "srv/prod.key"), "utf8");

  const second = ["--vault", "file://./srv/test.db", "--key-file", "srv/prod.key"];
  expect(await shell.json(["vault", "init", "--no-set-default", ...second])).toMatchObject({ keyMade: false });
  expect(await readFile(join(shell.home, "srv/prod.key"), "utf8")).toBe(key);
  expect(await shell.coffre(["list", ...second])).toMatchObject({ exitCode: 0 });
});

test("a vault of a project is made where its configuration says", async () => {
  const project = join(shell.home, "project");
  await mkdir(project);
  await writeFile(join(project, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  await writeFile(join(project, "Pulumi.dev.yaml"), "config:\n  coffre:url: file://./shop.db\n");

  const made = await shell.coffre(["vault", "init", "--name", "shop", "--json"], { cwd: project });
  expect(JSON.parse(made.stdout)).toMatchObject({ file: join(project, "shop.db"), found: true });
  expect(await shell.coffre(["list", "--quiet"], { cwd: project })).toEqual({ stdout: "", stderr: "", exitCode: 0 });
});

test("a passphrase comes from a file, or from a terminal where it isn't shown", async () => {
  const file = join(shell.home, "passphrase");
  await writeFile(file, "five random words are good\n", { mode: 0o600 });
  const fromFile = await shell.coffre(["vault", "init", "--name", "filed", "--passphrase-file", file, "--json"]);
  expect(JSON.parse(fromFile.stdout)).toMatchObject({ vault: "filed", keyFile: null, keyMade: false });

  const typed = await shell.onTerminal(
    ["vault", "init", "--name", "typed", "--ask-passphrase", "--set-default"],
    "five other words are better\nfive other words are better\n",
  );
  expect(stripVTControlCharacters(typed.screen)).toContain("The vault typed is made.");
  expect(typed.screen).not.toContain("five other words");
  expect(typed.exitCode).toBe(0);

  const opened = await shell.onTerminal(["list"], "five other words are better\n");
  expect(opened.screen).toContain("Passphrase of the vault: ");
  expect(opened.screen).toContain("0 credentials in 0 categories, vault typed.");
  const refused = await shell.onTerminal(["list"], "five words that are wrong\n");
  expect(refused.screen).toContain("typed.db opens with this passphrase");
  expect(refused.exitCode).toBe(4);
});

test.each([
  [["--name", "Prod"], 2, "The vault's name has characters that it can't have, or is too long"],
  [["--passphrase", "hunter2"], 2, "--passphrase is refused: arguments can be seen by every user of this machine"],
  [["--vault", "file://./x.db", "--key-file", "/dev/null/x.key"], 1, "The key file /dev/null/x.key can't be written"],
  [["--vault", "gopher://x"], 2, "The vault's URL (flag --vault) has the unknown scheme gopher://"],
  [["--vault", "kdbx://x"], 2, "The vault's URL (flag --vault) names no file"],
  [["--vault", "kdbx://./x.kdbx"], 2, "A KeePass file is only read, and no vault is made in one"],
  [["--ask-passphrase"], 2, "--ask-passphrase needs a terminal"],
])("vault init %j ends with %d", async (flags, exitCode, problem) => {
  const said = await shell.coffre(["vault", "init", ...flags]);
  expect(said).toMatchObject({ stdout: "", exitCode });
  expect(said.stderr.startsWith(`coffre: ${problem}\n  `)).toBe(true);
  expect(said.stderr).not.toContain("hunter2");
});

test("a passphrase that is too short leaves nothing behind", async () => {
  const file = join(shell.home, "passphrase");
  await writeFile(file, "short", { mode: 0o600 });
  const said = await shell.coffre(["vault", "init", "--passphrase-file", file]);
  expect(said).toMatchObject({ stdout: "", exitCode: 2 });
  expect(said.stderr).toContain("The passphrase has less than 12 characters");
  await expect(stat(shell.vaultFile)).rejects.toThrow("ENOENT");
});

test("a key that others may read opens nothing", async () => {
  await shell.coffre(["vault", "init"]);
  await chmod(shell.keyFile, 0o644);
  const said = await shell.coffre(["list"]);
  expect(shell.plain(said.stderr))
    .toBe(`coffre: The key file ~/.config/coffre/main.key may be opened by others than its owner (mode 0644)
  Run: chmod 600 ~/.config/coffre/main.key (where it is mounted: mount it with mode 0400).
`);
  expect(said).toMatchObject({ stdout: "", exitCode: 2 });
});
