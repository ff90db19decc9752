import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS);

const VALUE = "Zq7~ what both programs hand over";

let shell: Shell;
let end: () => Promise<void>;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  await entry(vault, "Databases/orders-app", { value: VALUE });
  await vault.close();
  writeFileSync(join(shell.home, "refs.env"), "PGPASSWORD=coffre://prod/Databases/orders-app\n");
  writeFileSync(join(shell.home, "none.env"), "PLAIN=as it is\n");
  end = await shell.withAgent();
});
afterAll(async () => {
  await end();
  await shell.close();
});

const PRINT = ["--", "sh", "-c", 'printf %s "$PGPASSWORD"'];
const run = (env: Record<string, string> = {}) =>
  shell.coffre(["run", "--no-mask", "--env-file", "refs.env", ...PRINT], { env });

test.each([
  [["run", "--help"]],
  [["run", "--no-such-option"]],
  [["run", "--env-file"]],
  [["run", "--env-file", "refs.env", "refs.env", ...PRINT]],
  [["run", "--env-file", "refs.env", "--json", "--"]],
  [["run", "--env-file", "refs.env", "--vault", "not a url", ...PRINT]],
  [["run", "--env-file", "none.env", "--", "sh", "-c", 'echo "$PLAIN"']],
  [["inject", "--help"]],
  [["inject"]],
  [["inject", "-i", "refs.env", "-o", "out", "more"]],
])("%j says the same with an agent as without", async (words) => {
  const { COFFRE_AGENT: _agent, ...env } = shell.env;
  const without = new Promise<string>((done) => {
    const child = shell.start(words, { env });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (said += String(text)));
    child.on("close", (code) => done(`${said}${String(code)}`));
  });
  const { stdout, stderr, exitCode } = await shell.coffre(words);
  expect(`${stdout}${stderr}${String(exitCode)}`).toBe(await without);
});

test("a vault that the agent doesn't stand for is opened by the whole program", async () => {
  const other = await Shell.open();
  const vault = await other.makeVault("prod");
  await entry(vault, "Databases/orders-app", { value: "another vault's" });
  await vault.close();
  const env = { COFFRE_URL: `file://${other.vaultFile}`, COFFRE_KEY_FILE: other.keyFile };
  expect(await run(env)).toEqual({ stdout: "another vault's", stderr: "", exitCode: 0 });
  await other.close();
});

test("a vault that is older than what was seen of it is told by the whole program, and the command still runs", async () => {
  expect(await run()).toEqual({ stdout: VALUE, stderr: "", exitCode: 0 });
  const folder = join(shell.home, ".local/state/coffre/seen");
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const seen = JSON.parse(readFileSync(path, "utf8")) as { restoreCounter: number };
    writeFileSync(path, JSON.stringify({ ...seen, restoreCounter: seen.restoreCounter + 1 }));
  }
  expect(await run()).toEqual({
    stdout: VALUE,
    stderr: expect.stringContaining("warning: this vault is older than what was seen of it here"),
    exitCode: 0,
  });
});

test("all that a command prints arrives, whenever it ends", async () => {
  const lines = "x".repeat(1_000) + "\n";
  for (const script of [
    `process.stdout.write(${JSON.stringify(lines)}.repeat(3000)); process.stderr.write("end")`,
    `require("node:fs").writeSync(1, ${JSON.stringify(lines)}); process.exit(3)`,
  ]) {
    const words = ["run", "--env-file", "refs.env", "--", process.execPath, "-e", script];
    const { stdout, stderr, exitCode } = await shell.coffre(words);
    expect([stdout.length, stderr, exitCode]).toEqual(
      script.includes("exit") ? [lines.length, "", 3] : [lines.length * 3_000, "end", 0],
    );
  }
});

test.each([
  [["--help"]],
  [["run", "--help"]],
  [["--version"]],
  [["completion", "bash"]],
  [["list"]],
  [["run", "--none"]],
])("%j is silent where nobody reads it", async (words) => {
  const child = shell.start(words);
  child.stdout?.destroy();
  let said = "";
  child.stderr?.on("data", (text: Buffer) => (said += String(text)));
  await once(child, "close");
  expect(said).not.toContain("EPIPE");
});

test("what listens there and is no agent gets no word of what is wanted", async () => {
  const folder = join(shell.home, "impostor");
  mkdirSync(folder, { mode: 0o700 });
  let heard = "";
  const impostor = createServer((socket) => {
    socket.on("data", (piece) => {
      heard += String(piece);
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    });
  });
  const path = join(folder, "agent.sock");
  const mask = process.umask(0o177);
  await new Promise<void>((done) => impostor.listen(path, done));
  process.umask(mask);
  expect(await run({ COFFRE_AGENT: path })).toMatchObject({
    stdout: "",
    stderr: expect.stringContaining("doesn't answer as an agent"),
  });
  expect(heard).toMatch(/^GET /);
  expect(heard).not.toContain("orders-app");
  impostor.close();
});
