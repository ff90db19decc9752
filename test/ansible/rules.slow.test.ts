import { execFile } from "node:child_process";
import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { ansibleIsOldest, ensureAnsible } from "../../tools/ansible/environment.ts";

jest.setTimeout(1_800_000);

const ROOT = resolve(import.meta.dirname, "../..");
const COLLECTION = "ansible_collections/coffre/vault";

/** A copy, as a Git checkout of its own: the tests of Ansible lint what Git knows. */
const folder = mkdtempSync(join(tmpdir(), "coffre-collection-"));
const collection = join(folder, COLLECTION);
let bin: string;
/** Where the linters' own environments are kept from one run to the next. */
let home: string;

beforeAll(async () => {
  bin = await ensureAnsible((line) => process.stderr.write(`${line}\n`));
  home = join(bin, "../test-home");
  await mkdir(join(home, ".ansible/test/cache"), { recursive: true });
  // In the place of a file that would be downloaded from a site which is no package registry.
  const bootstrap = "import ensurepip\nensurepip.bootstrap(default_pip=True)\n";
  await writeFile(join(home, ".ansible/test/cache/get_pip_24_2.py"), bootstrap);
  await cp(join(ROOT, "ansible", COLLECTION), collection, {
    recursive: true,
    filter: (path) => !path.endsWith("__pycache__") && !path.endsWith("tests/output"),
  });
  await run("git", ["init", "-q"]);
  await run("git", ["add", "-A"]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program in the collection. @throws Error with all that it said, if it fails */
function run(command: string, args: readonly string[], more: Record<string, string> = {}): Promise<string> {
  const env = { PATH: [bin, process.env["PATH"] ?? ""].join(delimiter), HOME: home, LANG: "C.UTF-8", ...more };
  return new Promise((done, fail) => {
    execFile(command, args, { cwd: collection, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) fail(new Error(`${command} ${args.join(" ")}\n${stdout}\n${stderr}`));
      else done(stdout);
    });
  });
}

// The linters are those of the newest.
const testOfNewest = ansibleIsOldest ? test.skip : test;

testOfNewest("ansible-test sanity finds nothing, and nothing is left out for a file", async () => {
  expect(globSync("**/ignore*.txt", { cwd: collection })).toEqual([]);
  // The two are for PowerShell and shell scripts, of which there are none.
  const skipped = ["pslint", "shellcheck"].flatMap((name) => ["--skip-test", name]);
  expect(globSync("**/*.{ps1,sh}", { cwd: collection })).toEqual([]);
  await run("ansible-test", ["sanity", "--venv", "--python", "3.11", ...skipped, "--color", "no"]);
});

testOfNewest(
  "ansible-lint finds nothing by the strictest profile, in the collection and in the playbooks",
  async () => {
    expect(existsSync(join(collection, ".ansible-lint-ignore"))).toBe(false);
    const rules = ["--profile", "production", "--offline", "--nocolor"];
    await run("ansible-lint", rules);
    const playbooks = join(folder, "playbooks");
    await cp(join(ROOT, "ansible/playbooks"), playbooks, { recursive: true });
    await run("ansible-lint", [...rules, playbooks], { ANSIBLE_COLLECTIONS_PATH: folder });
  },
);

test("its unit tests pass", async () => {
  const said = await run(join(bin, "python"), ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"], {
    PYTHONPATH: folder,
    PYTHONDONTWRITEBYTECODE: "1",
  });
  expect(said).toMatch(/\d\d passed/);
});

test("it is built, installed from its tarball, and its documentation read there", async () => {
  await run("ansible-galaxy", ["collection", "build", "--output-path", folder]);
  const installed = join(folder, "installed");
  await run("ansible-galaxy", ["collection", "install", "-p", installed, join(folder, "coffre-vault-1.0.0.tar.gz")]);
  const environment = { ANSIBLE_COLLECTIONS_PATH: installed };
  const lookup = JSON.parse(
    await run("ansible-doc", ["-t", "lookup", "--json", "coffre.vault.credential"], environment),
  ) as Record<string, { doc: { options: Record<string, unknown> }; examples: string }>;
  expect(Object.keys(lookup["coffre.vault.credential"]?.doc.options ?? {})).toContain("agent");
  const names = ["credential", "credential_info", "category", "grant", "drop_box", "rotate"];
  const modules = JSON.parse(
    await run("ansible-doc", ["--json", ...names.map((name) => `coffre.vault.${name}`)], environment),
  ) as Record<string, { examples: string; return: object }>;
  for (const name of names) {
    const { examples, return: returns } = modules[`coffre.vault.${name}`] ?? {};
    expect(examples).toContain(`coffre.vault.${name}:`);
    expect(Object.keys(returns ?? {})).toContain("code");
  }
});
