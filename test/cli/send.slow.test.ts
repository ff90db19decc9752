import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Decrypter, identityToRecipient } from "age-encryption";
import { Secret } from "../../provider/core/secret.js";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { Mail, Transfer } from "../../provider/vault/port.js";
import { collect } from "../contract/vault-cases/setup.js";
import { Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const OWN = "a password of my own";
const PAGES = ["--public-url", "http://127.0.0.1:8730"];

let shell: Shell;
let vault: EmbeddedVault;
beforeAll(async () => {
  shell = await Shell.open();
  vault = (await shell.makeVault("prod")) as EmbeddedVault; // the shell's vaults are files
  writeFileSync(join(shell.home, "report.txt"), "figures");
  writeFileSync(join(shell.home, "empty.txt"), "");
  for (const [name, content] of [
    ["pw", `${OWN}\n`],
    ["short", "hunter2"],
    ["lines", `${OWN}\n${OWN}\n`],
  ] as const)
    writeFileSync(join(shell.home, name), content, { mode: 0o600 });
  mkdirSync(join(shell.home, "folder"));
  writeFileSync(join(shell.home, "folder", "report.txt"), "others");
});
afterAll(async () => {
  await vault.close();
  await shell.close();
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const transfers = (): Promise<Transfer[]> => collect(vault.boxes.transfers.list());
const owed = (): Promise<Mail[]> => collect<Mail>(vault.outbox.list());

test("send prints a link that opens the files, and the receipt beside it; those in --to are told", async () => {
  const args = ["report.txt", "empty.txt", "--to", "bo@example.com", "--max-downloads", "2", "--expires", "12h"];
  const said = await shell.coffre(["send", ...args, "--from", "Ana", ...PAGES]);
  expect(said).toMatchObject({ exitCode: 0 });
  expect(said.stdout).toMatch(/^http:\/\/127\.0\.0\.1:8730\/transfers\/tr_\w{22}\.[\w-]{43}\n$/);
  for (const part of ["report.txt", sha256("figures"), "2 downloads of each file", "Mail to bo@example.com"])
    expect(said.stderr).toContain(part);
  const link = new Secret(said.stdout.trim().split("/").at(-1) ?? "");
  const transfer = await vault.links?.open(link);
  expect(transfer).toMatchObject({ from: "Ana", to: ["bo@example.com"], maxDownloads: 2, status: "open" });
  const hours = (Date.parse(transfer?.expiresAt ?? "") - Date.parse(transfer?.createdAt ?? "")) / 3_600_000;
  expect(hours).toBeCloseTo(12, 1);
  const [file] = transfer?.files ?? [];
  const got = await vault.links?.download(link, file?.id ?? "", "192.0.2.7");
  if (!got) throw new Error("no links");
  expect(Buffer.concat(await collect(got.content)).toString()).toBe("figures");
  expect((await owed()).map(({ to, template }) => [to, template])).toEqual([["bo@example.com", "transfer-sent"]]);
});

test("--password draws one that opens it and is in no mail; --json has all of it", async () => {
  const said = await shell.coffre(["send", "report.txt", "--password", "--json", ...PAGES]);
  const { id, url, password, files, expiresAt, maxDownloads, to } = JSON.parse(said.stdout) as Record<string, string>;
  expect({ files, maxDownloads, to }).toEqual({
    files: [{ name: "report.txt", size: 7, sha256: sha256("figures") }],
    maxDownloads: null,
    to: [],
  });
  expect(Date.parse(expiresAt ?? "") - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
  expect(url).toContain(id);
  const link = new Secret(url?.split("/").at(-1) ?? "");
  await vault.links?.unlock(link, new Secret(password ?? ""));
  await expect(vault.links?.unlock(link, new Secret("wrong one, sorry"))).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("--password-file takes one that opens it, and prints it nowhere", async () => {
  const args = ["send", "report.txt", "--password-file", "pw", "--max-downloads", "1", ...PAGES];
  const said = await shell.coffre(args);
  expect(said).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^http\S+\n$/) });
  expect(said.stderr).toContain("1 download of each file");
  expect(said.stderr).not.toContain(OWN);
  await vault.links?.unlock(new Secret(said.stdout.trim().split("/").at(-1) ?? ""), new Secret(OWN));
  const json = await shell.coffre([...args, "--json"]);
  expect(json.stdout + json.stderr).not.toContain(OWN);
  expect(JSON.parse(json.stdout)).toMatchObject({ password: null, maxDownloads: 1 });
});

test("an address in two spellings is told once", async () => {
  const said = await shell.coffre(["send", "report.txt", "--to", "di@example.com", "DI@Example.com", ...PAGES]);
  expect(said).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("Mail to di@example.com is booked.") });
  expect((await owed()).filter(({ to }) => /^di@/i.test(to)).map(({ to }) => to)).toEqual(["di@example.com"]);
});

test("--end-to-end sends what only the link's key opens; the vault and the mail have neither", async () => {
  const said = await shell.coffre(["send", "report.txt", "--end-to-end", "--to", "bo@example.com", "--json", ...PAGES]);
  const { id, url = "", key = "", files } = JSON.parse(said.stdout) as Record<string, string>;
  expect(key).toMatch(/^AGE-SECRET-KEY-1[0-9A-Z]{58}$/);
  expect(url).toMatch(new RegExp(`/${id}\\.[\\w-]{43}#${key}$`));
  expect(files).toEqual([{ name: "report.txt.age", size: expect.any(Number), sha256: expect.any(String) }]);
  const [link = ""] = (url.split("/").at(-1) ?? "").split("#");
  const transfer = await vault.links?.open(new Secret(link));
  expect(transfer?.encryptedFor).toBe(await identityToRecipient(key));
  const got = await vault.links?.download(new Secret(link), transfer?.files[0]?.id ?? "", "192.0.2.7");
  if (!got) throw new Error("no links");
  const sealed = Buffer.concat(await collect(got.content));
  expect(sealed.includes("figures")).toBe(false);
  const decrypter = new Decrypter();
  decrypter.addIdentity(key);
  expect(await decrypter.decrypt(sealed, "text")).toBe("figures");
  const mail = (await owed()).find(({ about }) => about.includes(id ?? ""));
  expect(mail?.parameters).toMatchObject({ link, encrypted: true });
  for (const kept of [mail, transfer, await collect(vault.listEvents({ credentialId: id ?? "" }))])
    expect(JSON.stringify(kept)).not.toContain("AGE-SECRET-KEY");
  const plain = await shell.coffre(["send", "report.txt", "--end-to-end", "--to", "bo@example.com", ...PAGES]);
  expect(plain.stdout).toMatch(/#AGE-SECRET-KEY-1\w{58}\n$/);
  expect(plain.stderr).toMatch(/It has the link without its key/);
  expect(plain.stderr).not.toMatch(/AGE-SECRET-KEY-1\w{10}/);
});

test.each([
  [2, "is no file that can be sent", ["none.txt", ...PAGES]],
  [2, "is no file that can be sent", ["folder", ...PAGES]],
  [2, "Two files are called report.txt", ["report.txt", "folder/report.txt", ...PAGES]],
  [2, "Where people reach `coffre serve` isn't known", ["report.txt"]],
  [2, "--public-url isn't the server's address alone", ["report.txt", "--public-url", "http://vault.example.com"]],
  [2, "--expires isn't a time with its zone\n  Say how long (12h, 7d)", ["report.txt", "--expires", "soon", ...PAGES]],
  [2, "--expires names a day that doesn't exist", ["report.txt", "--expires", "2026-02-30T08:00:00Z", ...PAGES]],
  [2, "--expires isn't within the next 366 days\n  Give a time", ["report.txt", "--expires", "367d", ...PAGES]],
  [2, "--max-downloads takes a whole number from 1 to 10,000", ["report.txt", "--max-downloads", "0", ...PAGES]],
  [2, "--max-downloads takes a whole number from 1 to 10,000", ["report.txt", "--max-downloads", "1e9", ...PAGES]],
  [2, "--max-downloads takes a whole number from 1 to 10,000", ["report.txt", "--max-downloads", "10001", ...PAGES]],
  [2, "Number 2 of --to isn't an e-mail address", ["report.txt", "--to", "bo@example.com", "bo", ...PAGES]],
  [2, "--from isn't one line of at most 200 characters\n  Give the name", ["report.txt", "--from", "a\nb", ...PAGES]],
  [2, "--message has more than 4000 characters", ["report.txt", "--message", "x".repeat(4_001), ...PAGES]],
  [2, "--password and --password-file are both", ["report.txt", "--password", "--password-file", "pw", ...PAGES]],
  [2, "The password in short (--password-file) has fewer", ["report.txt", "--password-file", "short", ...PAGES]],
  [2, "The password in lines (--password-file) has several", ["report.txt", "--password-file", "lines", ...PAGES]],
  [2, "The file of --password-file none doesn't exist", ["report.txt", "--password-file", "none", ...PAGES]],
  [3, "There is no category Nowhere", ["report.txt", "--category", "Nowhere", ...PAGES]],
])("exit code %i: %s", async (exitCode, problem, args) => {
  const before = (await transfers()).length;
  expect(await shell.coffre(["send", ...args])).toMatchObject({
    exitCode,
    stdout: "",
    stderr: expect.stringContaining(problem),
  });
  expect(await transfers()).toHaveLength(before);
});
