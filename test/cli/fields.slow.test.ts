import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { TOTP } from "otpauth";
import { Secret } from "../../provider/core/secret.js";
import type { Vault } from "../../provider/vault/port.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const REF = "Partners/mail-api";
const SEED = "JBSWY3DPEHPK3PXP";

let shell: Shell;
let vault: Vault;
let id: string;
beforeEach(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  id = await entry(vault, REF, { username: "mailer", valueManagedBy: "external", description: "for the shop" });
});
afterEach(async () => {
  await vault.close();
  await shell.close();
});

function put(field: string, input: string, ...more: string[]) {
  return shell.coffre(["put", REF, "--field", field, ...more], { input });
}

/** Bytes as they come, which `Shell.coffre` would read as text. */
function bytesOf(args: readonly string[]): Promise<Buffer> {
  return new Promise((done, fail) => {
    const child = shell.start(args);
    const chunks: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", fail);
    child.on("close", () => done(Buffer.concat(chunks)));
    child.stdin?.end();
  });
}

test("a field is made with its type, filled again without it, and read by its name", async () => {
  expect(await put("token", "the-first-token\n", "--type", "secret")).toEqual({
    stdout: "Partners/mail-api, field token: version 1 is current.\n",
    stderr: "",
    exitCode: 0,
  });
  expect(JSON.parse((await put("token", "the-second-token", "--json")).stdout)).toEqual({
    ref: "coffre://main/Partners/mail-api",
    id,
    field: "token",
    type: "secret",
    version: 2,
    previousVersion: 1,
  });
  expect(await shell.coffre(["read", `${REF}?field=token`])).toMatchObject({ stdout: "the-second-token\n" });
  expect(await shell.coffre(["read", `${REF}?field=token&version=1`])).toMatchObject({ stdout: "the-first-token\n" });
  expect(await shell.coffre(["read", REF])).toMatchObject({ stdout: "a value that tests know\n" });
});

test("get shows fields without their values, and history lists the versions of each", async () => {
  await put("token", "s3cr3t-token", "--type", "secret");
  await put("contact", "ana@example.com", "--type", "text");
  await vault.updateCredential(id, { fields: [{ change: "declare", name: "tls.key", type: "file" }] });
  const { stdout } = await shell.coffre(["get", REF]);
  expect(shell.plain(stdout)).toContain(`field token    secret, version 1 of <date> UTC
field contact  ana@example.com
field tls.key  file, awaits its value: coffre put
`);
  expect(stdout).not.toContain("s3cr3t");
  expect(await shell.json(["get", REF])).toMatchObject({
    fields: [
      { name: "token", type: "secret", text: null, version: 1 },
      { name: "contact", type: "text", text: "ana@example.com", version: 1 },
      { name: "tls.key", type: "file", text: null, version: null, changedAt: null },
    ],
  });

  await put("token", "s3cr3t-token-2");
  expect(shell.plain((await shell.coffre(["history", REF, "--field", "token"])).stdout)).toBe(
    `version  state     type    since                 why
2        current   secret  <date> UTC  coffre put
1        previous  secret  <date> UTC  coffre put
`,
  );
  await shell.coffre(["edit", REF, "--remove-field", "token"]);
  expect(await shell.json(["history", `${REF}?field=token`])).toMatchObject([
    { version: 2, state: "previous", type: "secret", causes: [{ kind: "put" }] },
    { version: 1, state: "previous" },
  ]);
  const gone = await shell.coffre(["read", `${REF}?field=token`]);
  expect(gone).toMatchObject({ stdout: "", exitCode: 3 });
  expect(gone.stderr).toContain("it was removed at");
  expect(await shell.coffre(["history", REF, "--field", "never"])).toMatchObject({ exitCode: 3 });
});

test("a file comes back byte for byte, on stdout and in a file that only its owner may open", async () => {
  const bytes = Buffer.concat([Buffer.from([0, 255, 13, 10, 0]), randomBytes(300_000), Buffer.from("\n")]);
  await writeFile(join(shell.home, "server.key"), bytes);
  const said = await shell.coffre(["put", REF, "--field", "tls.key", "--type", "file", "--file", "server.key"]);
  expect(said).toMatchObject({ stderr: "", exitCode: 0 });
  expect((await bytesOf(["read", `${REF}?field=tls.key`])).equals(bytes)).toBe(true);

  const output = join(shell.home, "out", "server.key");
  await mkdir(join(shell.home, "out"));
  await writeFile(output, "what was there before", { mode: 0o644 });
  const written = await shell.coffre(["read", `${REF}?field=tls.key`, "--output", output]);
  expect(written).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  expect((await readFile(output)).equals(bytes)).toBe(true);
  expect((await stat(output)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(shell.home, "out"))).toEqual(["server.key"]);

  const shown = (await shell.json(["read", `${REF}?field=tls.key`])) as { value: string; encoding: string };
  expect(shown.encoding).toBe("base64");
  expect(Buffer.from(shown.value, "base64").equals(bytes)).toBe(true);
  const nowhere = await shell.coffre(["read", `${REF}?field=tls.key`, "-o", join(shell.home, "no/such/folder")]);
  expect(nowhere).toMatchObject({ stdout: "", exitCode: 1 });
  expect(nowhere.stderr).toContain("can't be written: its folder isn't there");
});

test("the code of a seed is the one of this moment, and the seed is shown only when it is asked for", async () => {
  await put("totp", "jbsw y3dp ehpk 3pxp\n", "--type", "totp");
  const totp = new TOTP({ secret: SEED });
  const before = Date.now();
  const shown = (await shell.json(["read", `${REF}?field=totp`])) as { value: string; secondsLeft: number };
  expect([totp.generate({ timestamp: before }), totp.generate({ timestamp: Date.now() })]).toContain(shown.value);
  expect(shown.secondsLeft).toBeGreaterThan(0);
  expect(shown.secondsLeft).toBeLessThanOrEqual(30);
  expect((await shell.coffre(["read", `${REF}?field=totp`])).stdout).toMatch(/^\d{6}\n$/);
  expect(await shell.coffre(["read", `${REF}?field=totp`, "--totp-seed"])).toMatchObject({ stdout: `${SEED}\n` });
  const other = await shell.coffre(["read", REF, "--totp-seed"]);
  expect(other).toMatchObject({ stdout: "", exitCode: 2 });
  expect(other.stderr).toContain("--totp-seed is for a field of type totp");
});

describe("put refuses, and writes nothing:", () => {
  beforeEach(async () => {
    await put("token", "the-first-token", "--type", "secret");
    await writeFile(join(shell.home, "empty"), "");
    await writeFile(join(shell.home, "large"), Buffer.alloc(10_000_000, "x"));
    await writeFile(join(shell.home, "binary"), Buffer.from([0x68, 0x75, 0xff]));
  });

  test.each<[string, string[], string, number, string]>([
    ["an empty value", ["--field", "token"], "", 2, "The value on stdin is empty"],
    ["nothing but a line end", ["--field", "token"], "\n", 2, "The value on stdin is empty"],
    ["a NUL", ["--field", "token"], "a\0hunter2", 2, "The value on stdin has a NUL character"],
    ["a password of 10 MB", [], "hunter2".repeat(1_500_000), 2, "The value on stdin is larger than 65536 bytes"],
    [
      "a file of 10 MB",
      ["--field", "k", "--type", "file", "--file", "large"],
      "",
      2,
      "The file large is larger than 1048576",
    ],
    [
      "10 MB on stdin",
      ["--field", "k", "--type", "file"],
      "hunter2".repeat(1_500_000),
      2,
      "The value on stdin is larger than 1048576",
    ],
    ["an empty file", ["--field", "k", "--type", "file", "--file", "empty"], "", 2, "The file empty is empty"],
    ["a file that isn't there", ["--field", "token", "--file", "nowhere"], "", 2, "The file nowhere doesn't exist"],
    ["a folder", ["--field", "token", "--file", "."], "", 2, "The file . is a folder"],
    ["bytes as text", ["--field", "token", "--file", "binary"], "", 2, "The file binary isn't UTF-8 text"],
    [
      "what is no seed",
      ["--field", "totp", "--type", "totp"],
      "hunter2!",
      2,
      "The value on stdin isn't the seed of one-time codes",
    ],
    ["a field that isn't there", ["--field", "tokne"], "hunter2", 3, 'Partners/mail-api has no field "tokne"'],
    [
      "another type",
      ["--field", "token", "--type", "file"],
      "hunter2",
      2,
      "The field token is of type secret, not file",
    ],
    [
      "a type that doesn't exist",
      ["--field", "x", "--type", "password"],
      "hunter2",
      2,
      "--type takes one of text, secret, totp, file",
    ],
    ["a password as a file", ["--type", "file"], "hunter2", 2, "The password is of type secret, not file"],
    [
      "a name of the credential's own",
      ["--field", "username", "--type", "text"],
      "hunter2",
      2,
      'The field name is "username"',
    ],
    [
      "an old version",
      ["--field", "token", "--if-version", "0"],
      "hunter2",
      5,
      "The current version of the field token of Partners/mail-api is 1",
    ],
    [
      "an old version of the password",
      ["--if-version", "7"],
      "hunter2",
      5,
      "The current version of the value of Partners/mail-api is 1",
    ],
  ])("%s", async (_what, args, input, exitCode, problem) => {
    const { head } = await vault.identity();
    const said = await shell.coffre(["put", REF, ...args], { input });
    expect(said).toMatchObject({ stdout: "", exitCode });
    expect(said.stderr).toContain(`coffre: ${problem.replace('field name is "username"', "")}`.trimEnd());
    expect(said.stderr).not.toContain("hunter2");
    expect((await vault.identity()).head).toBe(head);
  });

  test("a version in the reference, two fields, an archived entry", async () => {
    expect((await shell.coffre(["put", `${REF}?version=1`], { input: "x" })).stderr).toContain("leave ?version=… out");
    const two = await shell.coffre(["put", `${REF}?field=token`, "--field", "other"], { input: "x" });
    expect(two.stderr).toContain("--field names another field than the reference");
    await vault.archiveCredential(id, {});
    const archived = await shell.coffre(["put", id], { input: "x" });
    expect(archived).toMatchObject({ exitCode: 5 });
    expect(archived.stderr).toContain("Partners/mail-api is archived");
  });

  test("a password while a rotation is unfinished, naming what to do; a field is taken even then", async () => {
    const stage = { step: "stage" as const, value: new Secret("x"), causes: [], accounts: [] };
    const { lease } = await vault.acquireLease(id, { holder: "a run", ttlSeconds: 60 }, [stage]);
    await vault.record(lease, [{ step: "release" }]);
    const said = await shell.coffre(["put", REF], { input: "hunter2" });
    expect(said).toMatchObject({ exitCode: 5 });
    expect(said.stderr).toBe(
      "coffre: Version 2 of Partners/mail-api is pending: a rotation is unfinished\n  Finish it with `coffre resume` first.\n",
    );
    expect(await put("token", "the-second-token")).toMatchObject({ exitCode: 0 });
  });

  test("a value where it would be shown while it is typed, and a file's bytes on a terminal", async () => {
    const program = resolve(import.meta.dirname, "../../bin/coffre.js");
    const onScreen = (more: string) =>
      new Promise<number | null>((done) => {
        const command = `'${process.execPath}' '${program}' put ${REF} ${more}`;
        const child = spawn("script", ["-q", "-e", "-c", command, "/dev/null"], { cwd: shell.home, env: shell.env });
        child.stdin.on("error", () => undefined);
        child.on("close", (code) => done(code));
      });
    expect(await onScreen("2>said")).toBe(2);
    expect(await readFile(join(shell.home, "said"), "utf8")).toContain("There is no terminal to ask on");
    expect(await onScreen("--field key --type file 2>said")).toBe(2);
    expect(await readFile(join(shell.home, "said"), "utf8")).toContain("A file's bytes can't be typed");
  });
});

test("who typed while somebody else gave a value overwrites nothing", async () => {
  const { screen, exitCode } = await shell.onTerminal(
    ["put", REF],
    "mine-typed-slowly\nmine-typed-slowly\n",
    async () => {
      await shell.coffre(["put", REF], { input: "theirs-was-first" });
    },
  );
  expect(exitCode).toBe(5);
  expect(screen).toContain("Somebody changed the value of Partners/mail-api");
  expect(screen).not.toContain("slowly");
  expect(await shell.coffre(["read", REF])).toMatchObject({ stdout: "theirs-was-first\n" });
});

test("a value that a program's source brought is replaced with a note about its next revision", async () => {
  const fields = [{ change: "put", name: "token", type: "secret", value: new Secret("x"), cause: "source:1" }] as const;
  await vault.updateCredential(id, { fields });
  expect((await put("token", "by-hand")).stderr).toContain("its next revision replaces this one");
});
