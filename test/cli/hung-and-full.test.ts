import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS);

const VALUE = "Zq7~ what is asked for";

let shell: Shell;
let end: () => Promise<void>;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  await entry(vault, "Databases/orders-app", { value: VALUE });
  await vault.close();
  writeFileSync(join(shell.home, "refs.env"), "PGPASSWORD=coffre://prod/Databases/orders-app\n");
  writeFileSync(join(shell.home, "app.tpl"), "{{ coffre://prod/Databases/orders-app }}\n");
  writeFileSync(join(shell.home, "token"), "ct_not_a_real_token\n", { mode: 0o600 });
  end = await shell.withAgent();
});
afterAll(async () => {
  await end();
  await shell.close();
});

const RUN = ["run", "--env-file", "refs.env", "--", "touch", "started"];
const INJECT = ["inject", "-i", "app.tpl", "-o", "written"];

describe("a signal ends at once what waits for somebody who never answers, and nothing was started or written:", () => {
  let silent: Server;
  let remote: Server;
  const connections: Socket[] = [];
  /** By the agent's socket, and by a server's URL. */
  let ways: Record<"agent" | "server", Record<string, string>>;
  beforeAll(async () => {
    const folder = join(shell.home, "hung");
    mkdirSync(folder, { mode: 0o700 });
    const socket = join(folder, "agent.sock");
    const mask = process.umask(0o077);
    silent = createServer().listen({ path: socket });
    await once(silent, "listening");
    process.umask(mask);
    const { COFFRE_AGENT: _agent, ...env } = shell.env;
    silent.on("connection", (connection) => connections.push(connection));
    remote = createServer((connection) => silent.emit("connection", connection)).listen(0, "127.0.0.1");
    await once(remote, "listening");
    const { port } = remote.address() as { port: number };
    ways = {
      agent: { ...env, COFFRE_AGENT: socket },
      server: {
        ...env,
        COFFRE_URL: `coffre+http://127.0.0.1:${String(port)}`,
        COFFRE_TOKEN_FILE: join(shell.home, "token"),
      },
    };
  });
  afterAll(() => {
    for (const connection of connections) connection.destroy();
    for (const server of [silent, remote]) server.close();
  });

  test.each([
    ["agent", RUN, "SIGINT", 130],
    ["agent", INJECT, "SIGTERM", 143],
    ["server", RUN, "SIGTERM", 143],
    ["server", INJECT, "SIGINT", 130],
  ] as const)("an %s, %j, %s", async (way, words, signal, exitCode) => {
    const asked = once(silent, "connection");
    const child = shell.start(words, { env: ways[way] });
    await asked;
    const exit = once(child, "exit");
    child.kill(signal);
    const [code] = (await Promise.race([exit, new Promise((done) => setTimeout(done, 5_000, ["late"]))])) as unknown[];
    child.kill("SIGKILL");
    expect(code).toBe(exitCode);
    for (const name of ["started", "written"]) expect(existsSync(join(shell.home, name))).toBe(false);
  });
});

/** What a command says on stderr whose stdout is on a full disk. */
async function onFullDisk(words: readonly string[]): Promise<{ code: unknown; stderr: string }> {
  const full = openSync("/dev/full", "w");
  try {
    const child = shell.start(words, { stdio: ["ignore", full, "pipe"] });
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const [code] = (await once(child, "close")) as unknown[];
    return { code, stderr };
  } finally {
    closeSync(full);
  }
}

test.each([
  [["inject", "-i", "app.tpl", "-o", "-"]],
  [["read", "Databases/orders-app"]],
  [["list"]],
  [["run", "--env-file", "refs.env", "--", "sh", "-c", "echo hi; echo done > went-on"]],
])("an output that can't be written is said in a sentence: %j", async (words) => {
  const { code, stderr } = await onFullDisk(words);
  expect(stderr).toContain(
    "coffre: The output can't be written (ENOSPC)\n  Whatever else was to be done is done; what was to be printed is cut.\n",
  );
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
  if (words[0] === "run") expect(existsSync(join(shell.home, "went-on"))).toBe(true);
});

test("a template isn't written over with its values, by no name of its", async () => {
  const text = readFileSync(join(shell.home, "app.tpl"), "utf8");
  for (const name of ["app.tpl", "./app.tpl", join(shell.home, "app.tpl")]) {
    const said = await shell.coffre(["inject", "-i", "app.tpl", "-o", name]);
    expect(said).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("The file to write is the template itself"),
    });
  }
  expect(readFileSync(join(shell.home, "app.tpl"), "utf8")).toBe(text);
});

test("a template that has references in no braces is warned of", async () => {
  writeFileSync(join(shell.home, "bare.tpl"), "a: coffre://prod/Databases/orders-app\n");
  const said = await shell.coffre(["inject", "-i", "bare.tpl", "-o", "bare"]);
  expect(said).toMatchObject({
    exitCode: 0,
    stderr: expect.stringMatching(/^warning: bare\.tpl names coffre:\/\/ and has no/),
  });
});
