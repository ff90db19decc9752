import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { openAgeFile } from "../../provider/exchange/age.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLE = join(ROOT, "examples/offline-copy");

let shell: Shell;

beforeEach(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  await entry(vault, "Ships/Aurora/bridge", { username: "tech", value: "the bridge's" });
  await entry(vault, "Ships/Borealis/bridge", { value: "another ship's" });
  await vault.close();
  for (const folder of ["bin", "srv/drop"]) await mkdir(join(shell.home, folder), { recursive: true });
  await writeFile(
    join(shell.home, "bin/coffre"),
    `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "bin/coffre.js")}' "$@"\n`,
  );
  await chmod(join(shell.home, "bin/coffre"), 0o755);
  await writeFile(join(shell.home, "passphrase"), "a passphrase of eight words, as it were\n", { mode: 0o600 });
});

afterEach(() => shell.close());

function run(more: Record<string, string>) {
  const env = {
    ...shell.env,
    PATH: `${shell.home}/bin:${shell.env["PATH"] ?? ""}`,
    DROP: `${shell.home}/srv/drop`,
    ...more,
  };
  const { status, stdout, stderr } = spawnSync("sh", [join(EXAMPLE, "offline-copy.sh")], {
    cwd: shell.home,
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("one branch is dropped as a KeePass file, and shown; nothing of the rest is in it, and a second run brings it up to date", async () => {
  const copy = { BRANCH: "Ships/Aurora", PASSPHRASE_FILE: join(shell.home, "passphrase") };
  for (const _run of [1, 2]) {
    const { status, stdout, stderr } = run(copy);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("Exported: 1 entries");
    expect(stdout).toMatch(/bridge +tech/);
    expect(stdout).not.toContain("Borealis");
  }
  expect(await readdir(join(shell.home, "srv/drop"))).toEqual(["Aurora.kdbx"]);
});

test("or as a file for one age identity; without a recipient nothing is written", async () => {
  expect(run({ BRANCH: "Ships/Aurora" })).toMatchObject({ status: 2, stderr: expect.stringContaining("Say for whom") });
  const identity = await generateX25519Identity();
  await writeFile(join(shell.home, "recipients"), `${await identityToRecipient(identity)}\n`);
  expect(run({ BRANCH: "Ships/Aurora", RECIPIENTS_FILE: "recipients" })).toMatchObject({ status: 0, stderr: "" });
  const clear = (await openAgeFile(join(shell.home, "srv/drop/Aurora.csv.age"), [new Secret(identity)])).toString();
  expect(clear).toContain("bridge;;tech;the bridge's;Ships/Aurora;");
  expect(clear).not.toContain("another ship's");
});

test("the timer's service runs that very script, with what it needs", async () => {
  const unit = await readFile(join(EXAMPLE, "systemd/coffre-offline-copy.service"), "utf8");
  expect(unit).toMatch(/^ExecStart=\/usr\/local\/lib\/coffre\/offline-copy\.sh$/m);
  for (const name of ["BRANCH", "DROP", "PASSPHRASE_FILE"])
    expect(unit).toMatch(new RegExp(`^Environment=${name}=`, "m"));
});
