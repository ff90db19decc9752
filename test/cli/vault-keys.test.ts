import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
beforeEach(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault();
  await entry(vault, "Databases/orders-app");
  await vault.close();
});
afterEach(() => shell.close());

test("a key is added, opens the vault, is listed, and is removed", async () => {
  const added = await shell.coffre(["vault", "key", "add", "break-glass", "--new-key-file", "safe.key"]);
  expect(added.exitCode).toBe(0);
  expect(shell.plain(added.stdout)).toBe("The key break-glass opens the vault.\n  key  ~/safe.key (new, mode 0600)\n");

  const listed = await shell.coffre(["vault", "key", "list", "--key-file", "safe.key"]);
  expect(shell.plain(listed.stdout)).toBe(`first        key file  since <date> UTC
break-glass  key file  since <date> UTC  opened it now
`);
  expect(listed.stderr).toBe(
    "Whoever holds a key of this vault reads everything in it: a file can't enforce rights.\n",
  );

  const removed = await shell.coffre(["vault", "key", "remove", "break-glass"]);
  expect(removed).toMatchObject({ stdout: "The key break-glass doesn't open the vault any more.\n", exitCode: 0 });
  expect(removed.stderr).toContain("Copies and backups of the file that were made before still open with this key");

  const refused = await shell.coffre(["read", "Databases/orders-app", "--key-file", "safe.key"]);
  expect(refused).toEqual({
    stdout: "",
    stderr:
      `coffre: No key slot of the vault ${shell.vaultFile} opens with this key file\n` +
      "  Check which vault and which key are configured: `coffre doctor` shows both.\n",
    exitCode: 4,
  });
});

test("a passphrase can be added beside a key file", async () => {
  await writeFile(join(shell.home, "words"), "five random words are good", { mode: 0o600 });
  await shell.json(["vault", "key", "add", "ana", "--new-passphrase-file", "words"]);
  expect(await shell.json(["vault", "key", "list", "--passphrase-file", "words"])).toEqual([
    { id: expect.any(String), label: "first", kind: "key-file", createdAt: expect.any(String), opened: false },
    { id: expect.any(String), label: "ana", kind: "passphrase", createdAt: expect.any(String), opened: true },
  ]);
});

test.each([
  [["add", "runner"], 2, "It has to be said which kind of key it is"],
  [["add", "first", "--new-key-file", "x.key"], 5, 'There is a key slot "first" already'],
  [["add", "runner", "--new-key-file", "/dev/null/x.key"], 1, "The key file /dev/null/x.key can't be written"],
  [["add", "runner", "--key", "hunter2"], 2, "--key is refused: arguments can be seen by every user of this machine"],
  [["remove", "first"], 5, '"first" is the last key slot'],
  [["remove", "nobody"], 3, ""],
])("vault key %j ends with %d", async (words, exitCode, problem) => {
  const said = await shell.coffre(["vault", "key", ...words]);
  expect(said).toMatchObject({ stdout: "", exitCode });
  expect(said.stderr.startsWith(`coffre: ${problem}`)).toBe(true);
  await expect(readFile(join(shell.home, "x.key"))).rejects.toThrow("ENOENT");
});

test("check reads everything, and proves that what was seen before is still there", async () => {
  const whole = await shell.coffre(["vault", "check"]);
  expect(whole.exitCode).toBe(0);
  expect(shell.plain(whole.stdout)).toMatch(/^The vault is whole: \d+ rows, \d+ events\.\nhead {2}<head>\n$/);
  const { head } = (await shell.json(["vault", "check"])) as { head: string };
  const copy = await readFile(shell.vaultFile);

  await shell.coffre(["read", "Databases/orders-app"]);
  const later = await shell.coffre(["vault", "check", "--head", head]);
  expect(later).toMatchObject({ exitCode: 0 });
  expect(later.stdout).toContain("The head that was noted is in it.\n");
  const { head: newer } = (await shell.json(["vault", "check"])) as { head: string };

  await writeFile(shell.vaultFile, copy); // an older copy takes its place
  const older = await shell.coffre(["vault", "check", "--head", newer]);
  expect(older).toMatchObject({ exitCode: 1 });
  expect(older.stdout).toContain("the head that was seen earlier is not in the log: an older copy, or another vault");
  expect(older.stdout).toContain("The vault is damaged:");
});

test("check and every other command name an altered file", async () => {
  const bytes = await readFile(shell.vaultFile);
  const middle = bytes.subarray(Math.floor(bytes.length / 2));
  for (let index = 0; index < middle.length; index += 64) middle[index] = (middle[index] ?? 0) ^ 0xff;
  await writeFile(shell.vaultFile, bytes);
  const said = await shell.coffre(["vault", "check"]);
  expect(said.exitCode).toBe(1);
});

test("a head that isn't one is wrong usage", async () => {
  const said = await shell.coffre(["vault", "check", "--head", "yesterday"]);
  expect(said).toMatchObject({ stdout: "", exitCode: 2 });
  expect(said.stderr).toContain("The head isn't one that `coffre vault check` printed");
});
