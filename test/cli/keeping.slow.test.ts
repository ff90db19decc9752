import { chmod, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { rotate, target } from "../contract/vault-cases/setup.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS);

let shell: Shell;
let recipient: string;
/** Of nobody: what a person may paste in the place of a recipient. */
const IDENTITY = `AGE-SECRET-KEY-1${"QPZRY9X8GF".repeat(6).slice(0, 58)}`;
beforeEach(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault();
  await entry(vault, "Databases/orders-app", { username: "orders_app", value: "the value that is kept" });
  await vault.close();
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  await writeFile(join(shell.home, "backup.identity"), `# made for a test\n${identity}\n`, { mode: 0o600 });
});
afterEach(() => shell.close());

async function backUp(): Promise<{ file: string; signer: string }> {
  return (await shell.json(["vault", "backup", "--to", "backups", "--recipient", recipient])) as never; // printed by us
}

const identity = ["--identity-file", "backup.identity"];
const plain = (text: string) =>
  shell
    .plain(text)
    .replaceAll(/-[0-9a-f]{8}-\d{8}T\d{9}Z/g, "-<id>-<time>")
    .replaceAll(/\b[0-9a-f]{64}\b/g, "<sha256>")
    .replaceAll(/coffre-backup-key-1:[\w-]{43}/g, "<key>")
    .replaceAll(/\(\d+ bytes\)/g, "(<n> bytes)")
    .replaceAll(/\d+\.\d s/g, "<t> s");

test("a backup is written, says what it is, and opens with age alone", async () => {
  await writeFile(join(shell.home, "recipients"), `# ours\n${recipient}\n`);
  const said = await shell.coffre(["vault", "backup", "--to", "backups", "--recipients-file", "recipients"]);
  expect(plain(said.stdout)).toBe(`The vault main is backed up, as of <date> UTC.
  file        ~/backups/main-<id>-<time>.coffre.age (<n> bytes)
  sha256      <sha256>
  content     1 credentials, 4 events
  backup key  <key>
`);
  expect(said.exitCode).toBe(0);
  const [name = ""] = await readdir(join(shell.home, "backups"));
  const decrypter = new Decrypter();
  decrypter.addIdentity((await readFile(join(shell.home, "backup.identity"), "utf8")).split("\n")[1] ?? "");
  const text = await decrypter.decrypt(await readFile(join(shell.home, "backups", name)), "text");
  expect(text).toContain("the value that is kept");
});

test("the vault is lost: its backup makes a new file, whose entries wait for a decision", async () => {
  const { file, signer } = await backUp();
  await rename(shell.vaultFile, join(shell.home, "lost.db"));
  const place = ["--into", "file://./new.db", "--key-file", "new.key"];
  const made = await shell.coffre(["vault", "restore", file, ...identity, ...place, "--signed-by", signer]);
  expect(plain(made.stdout)).toBe(`The vault main is what it was at <date> UTC.
  vault      ~/new.db
  key        ~/new.key (new, mode 0600)
  content    1 credentials, 4 events
  signed by  <key>
`);
  expect(made.stderr).toContain("1 credential needs attention");
  const at = ["--vault", "file://./new.db", "--key-file", "new.key"];
  expect((await shell.coffre(["read", "Databases/orders-app", ...at])).stdout).toBe("the value that is kept\n");
  const waiting = await shell.coffre(["attention", ...at]);
  expect(waiting.exitCode).toBe(6);
  expect(waiting.stdout).toMatch(/the vault was restored from the backup of \S+: a newer value may have been there/);
  const rotated = await shell.coffre(["rotate", "Databases/orders-app", ...at]);
  expect(rotated.exitCode).toBe(6);
  expect(await shell.coffre(["resolve", "--accept-rollback", "--all", ...at])).toMatchObject({ exitCode: 0 });
  expect((await shell.coffre(["attention", ...at])).exitCode).toBe(0);
  expect(await shell.coffre(["rotate", "Databases/orders-app", ...at])).toMatchObject({ exitCode: 0 });
});

test("in place, what was changed since is undone, and the log tells it", async () => {
  const { file } = await backUp();
  expect(await shell.coffre(["rotate", "Databases/orders-app"])).toMatchObject({ exitCode: 0 });
  const restored = await shell.json(["vault", "restore", file, ...identity, "--in-place", "--yes"]);
  expect(restored).toMatchObject({ vault: "main", undecided: 1, file: null, keyFile: null, keyMade: false });
  expect((await shell.coffre(["read", "Databases/orders-app"])).stdout).toBe("the value that is kept\n");
  const events = (await shell.json(["events"])) as { action: string }[];
  const actions = events.map(({ action }) => action);
  for (const action of ["vault.backed-up", "rotation.promoted", "vault.restored"]) expect(actions).toContain(action);
  expect(await shell.json(["vault", "check"])).toMatchObject({ ok: true });
  const doctor = await shell.coffre(["doctor"]);
  expect(shell.plain(doctor.stdout)).toContain("restored at <date> UTC");
});

test("in place is asked for, and says which passwords it kept, which entries it archived, and which rights are back", async () => {
  const vault = shell.openVault();
  const app = await entry(vault, "Databases/app", { username: "app", value: null, targets: [target("app")] });
  const ana = await vault.people.createPrincipal({ kind: "user", name: "ana" });
  const grant = await vault.people.createGrant({ principalId: ana.id, categoryId: null, role: "reader" });
  const { file } = await backUp();
  await rotate(vault, await vault.readCredential(app), "a newer password");
  await entry(vault, "Databases/late", { username: "late", targets: [target("late")] });
  await vault.people.deleteGrant(grant.id, {});
  await vault.close();

  const refused = await shell.coffre(["vault", "restore", file, ...identity, "--in-place"]);
  expect(refused).toMatchObject({ stdout: "", exitCode: 5 });
  expect(refused.stderr).toContain("would be undone: entries, values and fields that people gave");
  expect(refused.stderr).toContain("add --yes");
  expect((await shell.coffre(["read", "Databases/app"])).stdout).toBe("a newer password\n");

  const said = await shell.coffre(["vault", "restore", file, ...identity, "--in-place", "--yes"]);
  expect(said.exitCode).toBe(0);
  expect(said.stdout).toContain("  kept       Databases/app: version 1, newer than the backup, as earlier ones\n");
  expect(said.stdout).toMatch(/ {2}archived {3}Databases\/late \(cr_\w+\), which the backup lacks\n/);
  expect(said.stderr).toContain("1 membership or grant came from the backup. What was revoked since holds again");
  expect((await shell.coffre(["read", "Databases/app?version=1"])).stdout).toBe("a newer password\n");

  const verified = await shell.coffre(["verify", "--all"]);
  expect(verified.exitCode).toBe(6);
  expect(verified.stdout).toContain(
    "Databases/orders-app  needs a decision: No target can tell. See whether the value is still the right one " +
      "(`coffre read Databases/orders-app`), then `coffre resolve Databases/orders-app --accept-rollback`.\n",
  );
  const named = await shell.coffre(["verify", "Databases/app", "--only", "1", "--json"]);
  expect(JSON.parse(named.stdout)).toMatchObject([
    { decision: null, targets: [{ verdict: "unreachable", refused: [], untried: [] }] },
  ]);
  expect(await shell.coffre(["verify", "--all", "--only", "1"])).toMatchObject({ exitCode: 2 });
});

test("a drill says how long it took and what it compared; --json has the figures", async () => {
  const { file } = await backUp();
  const said = await shell.coffre(["vault", "drill", "--backup", file, ...identity]);
  expect(said.exitCode).toBe(0);
  expect(plain(said.stdout)).toMatch(
    /^The backup of <date> UTC agrees with the vault: \d+ rows and events with \d+ fields were compared\.\n {2}restored in {2}<t> s, compared in <t> s\n/,
  );
  expect(await shell.json(["vault", "drill"])).toMatchObject({ ok: true, differences: [], signedByThisVault: true });
});

test("a drill ends with 1 where another key signed the backup", async () => {
  const { file } = await backUp();
  await shell.json(["vault", "rekey"]);
  const said = await shell.coffre(["vault", "drill", "--backup", file, ...identity]);
  expect(said.exitCode).toBe(1);
  expect(said.stderr).toContain("Another key signed it");
});

test("a re-key keeps every key that isn't dropped", async () => {
  await shell.json(["vault", "key", "add", "safe", "--new-key-file", "safe.key"]);
  await shell.json(["vault", "key", "add", "lost", "--new-key-file", "lost.key"]);
  const said = await shell.coffre(["vault", "rekey", "--drop", "lost"]);
  expect(plain(said.stdout)).toBe(`The vault is sealed under a new data key (number 2).
  first  key file  since <date> UTC  opens it
  safe   key file  since <date> UTC  opens it
  lost   key file  since <date> UTC  dropped
  backup key  <key>
`);
  for (const [key, exitCode] of [
    ["safe.key", 0],
    ["lost.key", 4],
  ] as const) {
    expect((await shell.coffre(["read", "Databases/orders-app", "--key-file", key])).exitCode).toBe(exitCode);
  }
});

describe("what can't be", () => {
  test.each<[string, string[], number, string]>([
    ["no folder", ["backup", "--recipient", "age1x"], 2, "It has to be said where the backup goes"],
    ["no recipient", ["backup", "--to", "b"], 2, "A backup needs a recipient"],
    ["a wrong recipient", ["backup", "--to", "b", "--recipient", "ana"], 2, "Recipient 1 is no age recipient"],
    ["an identity for a recipient", ["backup", "--to", "b", "--recipient", IDENTITY], 2, "Recipient 1 is an identity"],
    ["the same in a drill", ["drill", "--recipient", IDENTITY, ...identity], 2, "Recipient 1 is an identity"],
    ["keep nothing", ["backup", "--to", "b", "--recipient", "age1x", "--keep", "0"], 2, "--keep takes a whole number"],
    ["no file of recipients", ["backup", "--to", "b", "--recipients-file", "nope"], 2, "can't be read"],
    ["no place", ["restore", "x", ...identity], 2, "It has to be said where the backup goes"],
    [
      "two places",
      ["restore", "x", "--in-place", "--into", "file://./y.db", ...identity],
      2,
      "--into and --in-place say two things",
    ],
    ["no identity", ["restore", "x", "--in-place"], 2, "Nothing was given that opens the backup"],
    ["no yes", ["restore", "x", "--in-place", ...identity], 5, "Everything that was changed in the vault main after"],
    ["no backup", ["restore", "x", "--in-place", "--yes", ...identity], 3, "There is no backup at"],
    ["a file there", ["restore", "x", "--into", "file://./backup.identity", ...identity], 5, "There is a file at"],
    ["no such key", ["rekey", "--drop", "nobody"], 3, 'There is no key slot "nobody"'],
    ["the only key", ["rekey", "--drop", "first"], 5, "No key slot would be left"],
    [
      "a drill of a backup for somebody",
      ["drill", "--backup", "x", "--recipient", "age1x"],
      2,
      "--backup names a backup",
    ],
    ["a drill for whom nobody opens", ["drill", "--recipient", "age1x"], 2, "Nothing was given that opens the backup"],
    ["an identity for nothing", ["drill", ...identity], 2, "It has to be said which backup the identity opens"],
    ["a drill of nothing", ["drill", "--backup", "x", ...identity], 3, "There is no backup at"],
  ])("%s", async (_, words, exitCode, problem) => {
    const said = await shell.coffre(["vault", ...words]);
    expect({ exitCode: said.exitCode, stdout: said.stdout }).toEqual({ exitCode, stdout: "" });
    expect(said.stderr).toContain(problem);
    expect(said.stderr).not.toContain(IDENTITY);
  });

  test("the identity in the safe opens what is made for the recipients of the nightly job, or the drill says so", async () => {
    await writeFile(join(shell.home, "other.identity"), await generateX25519Identity(), { mode: 0o600 });
    const drill = (path: string) =>
      shell.coffre(["vault", "drill", "--recipient", recipient, "--identity-file", path, "--json"]);
    const right = await drill("backup.identity");
    expect(right).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(right.stdout)).toMatchObject({ ok: true });
    expect(await drill("other.identity")).toMatchObject({ exitCode: 4, stdout: "" });
  });

  test("an identity that others may read, that is for others, or that is none", async () => {
    const { file } = await backUp();
    const restore = (path: string) =>
      shell.coffre(["vault", "restore", file, "--in-place", "--yes", "--identity-file", path]);
    await writeFile(join(shell.home, "other.identity"), await generateX25519Identity(), { mode: 0o600 });
    expect(await restore("other.identity")).toMatchObject({ exitCode: 4 });
    await writeFile(join(shell.home, "none.identity"), "a letter", { mode: 0o600 });
    expect((await restore("none.identity")).stderr).toContain("holds no age identity");
    await chmod(join(shell.home, "backup.identity"), 0o644);
    expect((await restore("backup.identity")).stderr).toContain("may be opened by others");
  });

  test("a key that was made for a restore that failed is taken away", async () => {
    await mkdir(join(shell.home, "b"));
    const words = ["b", ...identity, "--into", "file://./y.db", "--key-file", "y.key"];
    expect(await shell.coffre(["vault", "restore", ...words])).toMatchObject({ exitCode: 1 });
    expect(await readdir(shell.home)).not.toContain("y.key");
  });
});
