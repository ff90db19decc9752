import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { ProcessSampler } from "../leak/processes.ts";
import { LeakSearch } from "../leak/search.ts";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS);

const VALUE = "Zq7~ a value that 'only' the vault & its readers know";

let shell: Shell;
let id: string;
let partner: string;
/** A user's environment in which nothing of the vault is configured but the agent. */
let bare: Record<string, string>;
let socket: string;
let agent: ChildProcess | undefined;

beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  id = await entry(vault, "Databases/orders-app", { value: VALUE });
  partner = await entry(vault, "Partners/mail-api", { value: null, valueManagedBy: "external" });
  const seed = {
    change: "put",
    name: "totp",
    type: "totp",
    value: new Secret("JBSWY3DPEHPK3PXP"),
    cause: "test",
  } as const;
  await entry(vault, "Partners/codes", { valueManagedBy: "external", fields: [seed] });
  await vault.close();
  const runtime = join(shell.home, "run");
  await mkdir(runtime, { mode: 0o700 });
  await mkdir(join(shell.home, "elsewhere"));
  shell.env["XDG_RUNTIME_DIR"] = runtime;
  socket = join(runtime, "coffre", "agent.sock");
  bare = { HOME: join(shell.home, "elsewhere"), COFFRE_AGENT: socket };
});
afterEach(() => end("SIGTERM"));
afterAll(() => shell.close());

/** Starts an agent in the foreground. @returns what it printed first */
async function start(args: readonly string[] = [], env: Record<string, string> = {}): Promise<string> {
  const child = shell.start(["agent", ...args], { env: { ...shell.env, ...env } });
  agent = child;
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  for await (const chunk of child.stdout ?? []) return String(chunk);
  throw new Error(said);
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  const child = agent;
  agent = undefined;
  if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
  const closed = once(child, "exit");
  child.kill(signal);
  return ((await closed) as [number | null])[0];
}

/** Anything of the shell's own, by the agent, with the built `coffre` as a word that shells know. */
function withAgent(words: readonly string[], env: Record<string, string> = {}) {
  return shell.coffre(["agent", ...words], { env });
}

const COFFRE = `${process.execPath} ${join(import.meta.dirname, "../../bin/coffre.js")}`;

test("in the foreground it prints its socket, answers readers without a key, and is gone after a polite kill", async () => {
  expect(await start()).toBe(`${socket}\n`);
  expect(lstatSync(socket).mode & 0o777).toBe(0o600);
  const read = () => shell.coffre(["read", "Databases/orders-app"], { env: bare });
  expect(await read()).toEqual({ stdout: `${VALUE}\n`, stderr: "", exitCode: 0 });
  expect(await shell.coffre(["agent"])).toMatchObject({
    exitCode: 5,
    stderr: expect.stringContaining(`An agent listens on ${socket} already`),
  });

  // Written through it, and read through it; the file is the vault of record.
  const put = await shell.coffre(["put", "Partners/mail-api"], { env: bare, input: "from a reader\n" });
  expect(put).toMatchObject({ exitCode: 0 });
  const vault = shell.openVault();
  const [answer] = await vault.readMany([{ id: partner }]);
  expect(answer).toMatchObject({ version: 1 });
  await vault.updateCredential(id, { description: "by another process" });
  const about = await shell.json(["get", "Databases/orders-app"], { env: bare });
  expect(about).toMatchObject({ description: "by another process" });
  const actors = [];
  for await (const { actor } of vault.listEvents({ credentialId: partner })) actors.push(actor);
  expect([...new Set(actors)]).toEqual(["a test", expect.stringMatching(/@.+ \(agent\)$/)]);
  await vault.close();

  expect(await end("SIGTERM")).toBe(143);
  expect(existsSync(socket)).toBe(false);
  expect(await read()).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/COFFRE_AGENT names .* nothing is there\n {2}.*coffre agent.*unset COFFRE_AGENT/),
  });
});

test("a killed one leaves a socket that readers recognise and that the next one replaces", async () => {
  await start();
  await end("SIGKILL");
  expect(lstatSync(socket).isSocket()).toBe(true);
  expect(await shell.coffre(["list"], { env: bare })).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("the agent that listened there has ended"),
  });
  expect(JSON.parse(await start(["--json"]))).toEqual({
    socket,
    url: `file://${shell.vaultFile}`,
    pid: agent?.pid,
  });
});

test("of two that begin at once where one was killed, one listens and the other says so", async () => {
  await start();
  await end("SIGKILL");
  const begun = [1, 2].map(() => shell.start(["agent"]));
  const outcomes = await Promise.all(
    begun.map(async (child) => {
      let said = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
      for await (const line of child.stdout ?? []) return { child, listens: String(line) };
      return { child, said };
    }),
  );
  const [winner, ...others] = outcomes.filter(({ listens }) => listens !== undefined);
  const loser = outcomes.find(({ listens }) => listens === undefined);
  agent = winner?.child;
  expect({ listens: winner?.listens, others }).toEqual({ listens: `${socket}\n`, others: [] });
  // By which of its looks it learns so depends on the moment.
  expect(loser?.said).toMatch(/An agent listens on .* already|Nothing can listen on .*agent\.sock/);
  const { stdout } = await shell.coffre(["read", "Databases/orders-app"], { env: bare });
  expect(stdout).toBe(`${VALUE}\n`);
});

test("a shell may name the socket first, as in the example for a whole shell; a second agent there is refused", async () => {
  expect(await start([], { COFFRE_AGENT: socket })).toBe(`${socket}\n`);
  const { stdout } = await shell.coffre(["read", "Databases/orders-app"], { env: bare });
  expect(stdout).toBe(`${VALUE}\n`);
  expect(await shell.coffre(["agent"], { env: { COFFRE_AGENT: socket } })).toMatchObject({
    exitCode: 5,
    stderr: expect.stringContaining(`An agent listens on ${socket} already`),
  });
});

test("it ends with the process that it was told to watch", async () => {
  const parent = spawn("sleep", ["60"]);
  await start(["--parent-pid", String(parent.pid)]);
  const child = agent;
  parent.kill("SIGKILL");
  await once(child as ChildProcess, "exit");
  expect(child?.exitCode).toBe(0);
  expect(existsSync(socket)).toBe(false);
  expect(await withAgent(["--parent-pid", String(parent.pid)])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining(`There is no process ${parent.pid}`),
  });
});

test("with a command it sets COFFRE_AGENT, hands over no key, and ends with it, by its exit code", async () => {
  const script = `printf '%s|' "$COFFRE_AGENT" "$COFFRE_KEY" "$COFFRE_URL"; ${COFFRE} read Databases/orders-app; exit 7`;
  // A key in a variable: the agent opens the vault with it, and the command has no use for it.
  const { stdout, exitCode } = await withAgent(["--", "sh", "-c", script], {
    COFFRE_KEY: readFileSync(shell.keyFile, "utf8").trim(),
  });
  const [path = "", key, url, value] = stdout.split("|");
  expect(path).toMatch(new RegExp(`^${join(shell.home, "run/coffre")}/agent-\\d+\\.sock$`));
  expect({ key, url, value, exitCode }).toEqual({ key: "", url: "", value: `${VALUE}\n`, exitCode: 7 });
  expect(existsSync(path)).toBe(false);
});

test("with a command it takes the exit code of one that a signal made end by itself", async () => {
  const script = 'trap "echo got it; exit 5" INT; echo ready; while :; do sleep 0.1; done';
  const child = shell.start(["agent", "--", "sh", "-c", script]);
  for await (const chunk of child.stdout ?? []) {
    if (String(chunk).includes("ready")) child.kill("SIGINT");
    if (String(chunk).includes("got it")) break;
  }
  expect(await once(child, "exit")).toEqual([5, null]);
});

test("a vault that was named by a flag is the command's too, and another one is opened directly", async () => {
  const script = `printf '%s|' "$COFFRE_URL" "$COFFRE_KEY"; ${COFFRE} doctor; ${COFFRE} --vault file://${shell.home}/other.db list`;
  const flags = ["--vault", `file://${shell.vaultFile}`, "--key-file", shell.keyFile];
  const said = await shell.coffre(["agent", ...flags, "--", "sh", "-c", script], {
    env: { HOME: join(shell.home, "elsewhere") },
  });
  expect(said.stdout).toContain(`file://${shell.vaultFile}||`);
  expect(said.stdout).toMatch(/agent: the one on .*\.sock \(COFFRE_AGENT\) answers for the vault/);
  expect(said.stderr).toContain(`There is no vault at ${shell.home}/other.db`);
  expect(said.exitCode).toBe(1);
});

test("what can't be is refused: a second agent inside, a command that isn't there, no vault", async () => {
  for (const words of [[], ["--", "true"]]) {
    const nested = await shell.coffre(["agent", ...words], { env: { COFFRE_AGENT: `${socket}.of-another` } });
    expect(nested).toMatchObject({ exitCode: 5, stderr: expect.stringContaining("env -u COFFRE_AGENT") });
  }
  expect(await withAgent(["--", "no-such-command"])).toMatchObject({
    exitCode: 127,
    stderr: "coffre: The command no-such-command wasn't found\n",
  });
  expect(await withAgent(["--", shell.keyFile])).toMatchObject({ exitCode: 126 });
  expect(await withAgent([], { HOME: join(shell.home, "elsewhere") })).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("No vault is configured"),
  });
});

test("no value is in its arguments, environment or files, nor in what it says", async () => {
  const sampler = new ProcessSampler();
  const control = spawn("sleep", ["60"], { env: { CONTROL: VALUE } });
  await start();
  const child = agent as ChildProcess;
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (said += text.toString()));
  const vault = shell.openVault();
  for (const name of ["a", "b"]) {
    const reading = await shell.coffre(["read", "Databases/orders-app", "--output", `${name}.txt`], { env: bare });
    expect(reading.exitCode).toBe(0);
  }
  await vault.createCredentials([
    { name: "later", categoryId: null, initial: { value: new Secret(VALUE), causes: [] } },
  ]);
  await vault.close();
  await end("SIGTERM");
  sampler.stop();
  control.kill();

  const search = new LeakSearch({ value: VALUE });
  for (const [text, place] of sampler.seen) search.in(place, Buffer.from(text, "latin1"));
  const planted = `environ of process ${control.pid}`;
  expect(search.placesOf("value")).toEqual([planted]);
  search.in("what it said", said);
  search.inFolder(shell.home, { except: ["a.txt", "b.txt"].map((name) => join(shell.home, name)) });
  expect(search.placesOf("value")).toEqual([planted]);
});

test("who only wants values from it loads one file, and no library but that of what is asked for", async () => {
  await start();
  await writeFile(join(shell.home, "refs.env"), "A=coffre://prod/Databases/orders-app\nPLAIN=as it is\n");
  await writeFile(join(shell.home, "code.env"), "CODE=coffre://prod/Partners/codes?field=totp\n");
  await writeFile(join(shell.home, "t.tpl"), "{{ coffre://prod/Databases/orders-app }}\n");
  const env = { ...bare, COFFRE_URL: `file://${shell.vaultFile}`, COFFRE_KEY_FILE: shell.keyFile };
  const quickly = { ours: ["quick.cjs"], packages: [] };
  expect(await loadedBy(["run", "--env-file", "refs.env", "--", "true"], env)).toEqual(quickly);
  expect(await loadedBy(["inject", "-i", "t.tpl", "-o", "t.txt"], env)).toEqual(quickly);
  expect(await loadedBy(["run", "--env-file", "code.env", "--", "true"], env)).toEqual({
    ...quickly,
    packages: ["otpauth"],
  });
  // In a Pulumi project only a stack with settings of ours is worth a parser.
  const cwd = join(shell.home, "project");
  await mkdir(cwd);
  await writeFile(join(cwd, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  await writeFile(join(cwd, "Pulumi.dev.yaml"), "config:\n  aws:region: eu-west-3\n");
  const words = ["run", "--env-file", "../refs.env", "--", "true"];
  expect(await loadedBy(words, env, cwd)).toEqual(quickly);
  await writeFile(join(cwd, "Pulumi.dev.yaml"), "config:\n  coffre:url: file://./dev.db\n");
  expect(await loadedBy(words, env, cwd)).toEqual({ ...quickly, packages: ["yaml"] });
});

/** The modules that a command loads: of the built `coffre`, by their paths in it, and the names of packages. */
async function loadedBy(words: readonly string[], env: Record<string, string>, cwd = shell.home) {
  const list = join(shell.home, "modules");
  const hook = `import { writeFileSync } from "node:fs"; import { registerHooks } from "node:module"; const urls = [];
    registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
    process.on("exit", () => writeFileSync(${JSON.stringify(list)}, urls.join("\\n")));`;
  const options = `--import data:text/javascript,${encodeURIComponent(hook)}`;
  const said = await shell.coffre(words, { cwd, env: { ...env, NODE_OPTIONS: options } });
  expect(said).toMatchObject({ exitCode: 0 });
  const urls = readFileSync(list, "utf8").split("\n");
  const ours = urls.filter((url) => !url.includes("/node_modules/")).flatMap((url) => url.split("/dist/")[1] ?? []);
  const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
  return { ours, packages: [...new Set(packages)] };
}
