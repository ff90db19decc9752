import { spawn, spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { parse } from "yaml";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS);

/** The samples for timers and pipelines: what a shell would run of them is run. */

const ROOT = resolve(import.meta.dirname, "../..");
const SAMPLES = join(ROOT, "examples/schedules");
const UNITS = globSync("systemd/*", { cwd: SAMPLES }).sort();

interface Sample {
  from: string;
  command: string;
}

function cronLines(): Sample[] {
  const lines = readFileSync(join(SAMPLES, "coffre.cron"), "utf8").split("\n");
  const jobs = lines.filter((line) => /^[\d*]/.test(line));
  return jobs.map((line) => ({ from: "coffre.cron", command: line.split(/\s+/).slice(6).join(" ") }));
}

function unitLines(): Sample[] {
  return UNITS.filter((unit) => unit.endsWith(".service")).map((unit) => {
    const [, command = ""] =
      /^ExecStart=\/usr\/local\/bin\/(.+)$/m.exec(readFileSync(join(SAMPLES, unit), "utf8")) ?? [];
    return { from: basename(unit), command: command.replace("--follow ", "") };
  });
}

function gitHubLines(): Sample[] {
  const workflow = parse(readFileSync(join(SAMPLES, "github-actions.yml"), "utf8")) as {
    jobs: Record<string, { steps: { run: string }[] }>;
  };
  const steps = Object.values(workflow.jobs).flatMap(({ steps }) => steps);
  return steps.map(({ run }) => ({ from: "github-actions.yml", command: run }));
}

function gitLabLines(): Sample[] {
  const pipeline = parse(readFileSync(join(SAMPLES, "gitlab-ci.yml"), "utf8")) as Record<string, { script?: string[] }>;
  const scripts = Object.values(pipeline).flatMap(({ script }) => (script ? [script.join("\n")] : []));
  return scripts.map((command) => ({ from: "gitlab-ci.yml", command }));
}

const JOBS = [...cronLines(), ...unitLines(), ...gitHubLines(), ...gitLabLines()];

let shell: Shell;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  await entry(vault, "Databases/orders-app", { rotation: { everyDays: 90, when: "scheduled" } });
  await vault.close();
  for (const folder of ["bin", "srv/coffre", "etc/coffre"]) await mkdir(join(shell.home, folder), { recursive: true });
  await rename(shell.vaultFile, join(shell.home, "srv/coffre/prod.db"));
  await rename(shell.keyFile, join(shell.home, "etc/coffre/prod.key"));
  await writeFile(join(shell.home, "etc/coffre/recipients"), await identityToRecipient(await generateX25519Identity()));
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, "bin/coffre.js")}' "$@"\n`;
  await writeFile(join(shell.home, "bin/coffre"), program);
  await chmod(join(shell.home, "bin/coffre"), 0o755);
});
afterAll(() => shell.close());

/** As the scheduler would, with the system's folders moved below the test's home. */
function run(command: string): Promise<{ exitCode: number | null; said: string }> {
  const moved = command.replaceAll(/\/(srv|etc)\//g, `${shell.home}/$1/`);
  const env = {
    ...shell.env,
    PATH: `${join(shell.home, "bin")}:${shell.env["PATH"] ?? ""}`,
    COFFRE_URL: `file://${shell.home}/srv/coffre/prod.db`,
    COFFRE_KEY_FILE: join(shell.home, "etc/coffre/prod.key"),
  };
  return new Promise((done, fail) => {
    const child = spawn("bash", ["-ec", moved], { cwd: shell.home, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    }
    child.on("error", fail);
    child.on("close", (exitCode) => done({ exitCode, said }));
  });
}

test("each kind of scheduler has a backup, a drill and a rotation of what is due", () => {
  for (const kind of [/cron/, /service/, /github/, /gitlab/]) {
    const commands = JOBS.filter(({ from }) => kind.test(from)).map(({ command }) => command);
    for (const needed of ["rotate --due", "vault backup", "vault drill"]) {
      expect({ kind, found: commands.some((command) => command.includes(needed)) }).toEqual({ kind, found: true });
    }
  }
});

test.each(JOBS)("$from: $command", async ({ from, command }) => {
  expect(command).toContain("coffre ");
  const { exitCode, said } = await run(command);
  expect({ exitCode, said: exitCode === 0 ? "" : said }).toEqual({ exitCode: 0, said: "" });
  if (from === "coffre.cron") expect(said).toBe(""); // cron mails whatever is said
});

test("the backups that the samples made are there, and those only", async () => {
  const names = await readdir(join(shell.home, "srv/backups"));
  expect(names.length).toBe(JOBS.filter(({ command }) => command.includes("vault backup")).length);
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

(hasSystemd ? test : test.skip)("systemd takes the units", async () => {
  const folder = join(shell.home, "units");
  await mkdir(folder);
  for (const unit of UNITS) {
    const text = await readFile(join(SAMPLES, unit), "utf8");
    await writeFile(
      join(folder, basename(unit)),
      text.replaceAll("/usr/local/bin/coffre", join(shell.home, "bin/coffre")),
    );
  }
  const paths = UNITS.map((unit) => join(folder, basename(unit)));
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...paths], { encoding: "utf8" });
  // What it says of other units of this machine is not ours.
  const ours = stderr.split("\n").filter((line) => line.includes("coffre-"));
  expect({ status, ours }).toEqual({ status: 0, ours: [] });
});
