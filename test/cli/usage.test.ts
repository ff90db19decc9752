import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const ROOT = resolve(import.meta.dirname, "../..");

let shell: Shell;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault();
  await entry(vault, "Databases/orders-app");
  await entry(vault, "Databases/reader & co");
  await vault.close();
});
afterAll(() => shell.close());

test("help names every command, the precedence and the exit codes", async () => {
  const { stdout, exitCode } = await shell.coffre(["--help"]);
  for (const name of ["vault", "list", "get", "read", "put", "history", "rotate", "resume", "attention", "resolve"]) {
    expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  }
  for (const name of ["verify", "events", "doctor", "completion"])
    expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  expect(stdout).toContain("flag, environment");
  expect(stdout).toContain("  6  a person has to decide");
  expect(exitCode).toBe(0);
  expect((await shell.coffre([])).stdout).toBe(stdout);
});

test.each([[["read", "--help"]], [["vault", "key", "add", "--help"]], [["rotate", "-h"]]])(
  "%j shows an example",
  async (words) => {
    const { stdout, stderr, exitCode } = await shell.coffre(words);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout).toMatch(/^Examples:\n {2}# .+\n {2}.*coffre /m);
  },
);

test("the version is the package's", async () => {
  expect(await shell.coffre(["--version"])).toMatchObject({
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    exitCode: 0,
  });
});

test.each([
  [["lst"], "There is no command coffre lst", "Did you mean list?"],
  [["vault"], "coffre vault is a group of commands: init, check, backup, restore, drill, rekey, key, policies"],
  [["vault", "key", "ad"], "There is no command coffre vault key ad", "Did you mean add?"],
  [["read"], "coffre read needs <ref>"],
  [
    ["edit", "--set", "a=b", "Partners/mail-api"],
    "coffre edit needs <ref>",
    "Write <ref> before --set and --remove-field",
  ],
  [
    ["put", "a", "--value", "b"],
    "--value is refused: arguments can be seen by every user of this machine",
    "named with --file.",
  ],
  [["notify", "--forget"], "--forget names no credential"],
  [["read", "a", "b"], "coffre read takes one argument, and got more"],
  [["list", "--archivd"], "coffre list has no option --archivd", "Did you mean --archived?"],
  [["events", "--after"], "--after <number> needs its value"],
  [["events", "--after", "x"], "--after takes a whole number of 0 or more"],
  [["events", "--follow", "--limit", "3"], "--follow has no end, and --limit has one"],
  [["rotate"], "Nothing to rotate was named"],
  [["rotate", "--due", "Databases/orders-app"], "--due finds the credentials itself"],
  [["rotate", "--due", "--parallel", "0"], "--parallel takes a whole number of 1 or more"],
  [["resolve", "Databases/orders-app"], "No decision was given"],
  [["resolve", "Databases/orders-app", "--retry", "--accept", "1"], "Only one decision can be taken"],
  [["verify"], "Nothing to verify was named"],
  [["completion", "powershell"], "There is no completion for this shell"],
])("%j is wrong usage", async (words, problem, hint = "") => {
  const said = await shell.coffre(words);
  expect(said).toMatchObject({ stdout: "", exitCode: 2 });
  expect(said.stderr.split("\n")[0]).toBe(`coffre: ${problem}`);
  expect(said.stderr.split("\n")[1]).toContain(hint);
});

test("an empty shell is told where a vault may be configured", async () => {
  const said = await shell.coffre(["list"], { env: { HOME: "/dev/null" } });
  expect(said).toMatchObject({ stdout: "", exitCode: 2 });
  expect(said.stderr).toMatch(
    /^coffre: No vault is configured\n {2}.*COFFRE_URL.*`coffre vault init` makes a vault\.\n$/,
  );
});

test("a vault that isn't there is never made", async () => {
  const said = await shell.coffre(["list", "--vault", "file:///tmp/no/such/vault.db"]);
  expect(said.stderr).toBe(`coffre: There is no vault at /tmp/no/such/vault.db
  Check the URL, or make one with \`coffre vault init\`; nothing else creates one.
`);
  expect(said).toMatchObject({ stdout: "", exitCode: 1 });
});

test("the precedence is flag, environment, stack, project, user", async () => {
  const project = join(shell.home, "project");
  await mkdir(project);
  const stack = (url: string) => writeFile(join(project, "Pulumi.dev.yaml"), `config:\n  coffre:url: ${url}\n`);
  await writeFile(join(project, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  const urlOf = async (args: string[] = [], env: Record<string, string> = {}) => {
    const said = await shell.coffre(["doctor", "--json", ...args], { cwd: project, env });
    const { settings } = JSON.parse(said.stdout) as { settings: { setting: string; value: string; source: string }[] };
    const found = settings.find(({ setting }) => setting === "url");
    return `${shell.plain(found?.value ?? "none")} from ${shell.plain(found?.source ?? "nowhere")}`;
  };
  expect(await urlOf()).toBe("file://~/.local/share/coffre/main.db from ~/.config/coffre/config.yaml");
  await writeFile(join(project, "coffre.yaml"), "url: file://./shared.db\n");
  expect(await urlOf()).toBe("file://~/project/shared.db from ~/project/coffre.yaml");
  await stack("file://./stack.db");
  expect(await urlOf()).toBe("file://~/project/stack.db from stack configuration coffre:url");
  const variable = { COFFRE_URL: "file://./variable.db" };
  expect(await urlOf([], variable)).toBe("file://~/project/variable.db from environment variable COFFRE_URL");
  expect(await urlOf(["--vault", "file://./flag.db"], variable)).toBe("file://~/project/flag.db from flag --vault");
});

test("of several stacks the selected one is meant, and none is guessed", async () => {
  const project = join(shell.home, "two-stacks");
  await mkdir(project);
  await writeFile(join(project, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  for (const name of ["dev", "prod"]) {
    await writeFile(join(project, `Pulumi.${name}.yaml`), `config:\n  coffre:url: file://./${name}.db\n`);
  }
  const sourceOf = async (env: Record<string, string> = {}) => {
    const { stdout } = await shell.coffre(["doctor"], { cwd: project, env });
    return shell.plain(/^stack configuration: (.*)$/m.exec(stdout)?.[1] ?? "");
  };
  expect(await sourceOf()).toBe("none (no Pulumi.yaml, or no stack selected)");
  expect(await sourceOf({ PULUMI_STACK: "organization/shop/prod" })).toBe("~/two-stacks/Pulumi.prod.yaml");
});

test("doctor shows where settings come from and no secret, and fails if the vault doesn't open", async () => {
  const said = await shell.coffre(["doctor"]);
  const plain = shell.plain(said.stdout);
  expect(plain).toMatch(/^keyFile +~\/\.config\/coffre\/main\.key +from ~\/\.config\/coffre\/config\.yaml$/m);
  expect(plain).toMatch(/^ok {6}file: ~\/\.local\/share\/coffre\/main\.db, mode 0600$/m);
  expect(plain).toMatch(/^ok {6}vault: main \(<uuid>\) opens; event \d+$/m);
  expect(plain).toContain("note    commands: COFFRE_COMMANDS isn't set");
  expect(plain).toContain("note    playbooks: COFFRE_PLAYBOOKS isn't set: targets run no playbook here");
  expect(said.exitCode).toBe(0);
  const allowed = await shell.coffre(["doctor"], { env: { COFFRE_COMMANDS: shell.home } });
  expect(shell.plain(allowed.stdout)).toContain("ok      commands: COFFRE_COMMANDS allows the programs of ~\n");
  const missing = await shell.coffre(["doctor"], { env: { COFFRE_COMMANDS: "relative/folder" } });
  expect(missing).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining("relative/folder, of which no program"),
  });

  const secret = { COFFRE_KEY: "coffre-key-1:aGVsbG8", COFFRE_KEY_FILE: "" };
  const failed = await shell.coffre(["doctor"], { env: secret });
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toContain("[secret]");
  expect(failed.stdout).toContain("failed  vault: The key is cut or mistyped");
  expect(failed.stdout + failed.stderr).not.toContain("aGVsbG8");
  expect(JSON.parse((await shell.coffre(["doctor", "--json"])).stdout)).toEqual({
    ok: true,
    settings: expect.any(Array),
    checks: expect.arrayContaining([{ check: "node", ok: true, detail: process.version, hint: null }]),
  });
});

test("what is not there is said in words, with where to look", async () => {
  const nothing = await shell.coffre(["verify", "--all"]);
  expect(nothing).toMatchObject({ exitCode: 0, stdout: "" });
  expect(nothing.stderr).toContain("No credential has a target: there is nothing to verify.");
  expect((await shell.coffre(["get", "Nowhere/at-all"])).stderr).toContain("`coffre list --archived`");
});

test("bash completes commands, options and paths of the vault", async () => {
  const { stdout: script } = await shell.coffre(["completion", "bash"]);
  const complete = async (...words: string[]) => {
    const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _coffre; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const coffre = `coffre() { '${process.execPath}' '${ROOT}/bin/coffre.js' "$@"; }`;
    const { stdout } = await promisify(execFile)("bash", ["-c", `${script}\n${coffre}\n${line}`], {
      cwd: shell.home,
      env: shell.env,
    });
    return stdout.trim().split("\n");
  };
  expect(await complete("coffre", "re")).toEqual(["read", "resume", "resolve"]);
  expect(await complete("coffre", "vault", "")).toEqual([
    "init",
    "check",
    "backup",
    "restore",
    "drill",
    "rekey",
    "key",
    "policies",
  ]);
  expect(await complete("coffre", "vault", "key", "a")).toEqual(["add"]);
  expect(await complete("coffre", "rotate", "--d")).toEqual(["--due", "--dry-run"]);
  expect(await complete("coffre", "read", "Databases/r")).toEqual(["Databases/reader%20%26%20co"]);
});

test.each(["bash", "zsh", "fish"])("the completion for %s knows every command", async (name) => {
  const { script } = (await shell.json(["completion", name])) as { script: string };
  for (const word of ["rotate", "attention", "init", "remove"]) expect(script).toContain(word);
  expect(script).not.toContain("--passphrase ");
});
