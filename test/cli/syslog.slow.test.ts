import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(3 * SLOW_MS);

/** A real rsyslog takes what `coffre events --format rfc5424` prints, and finds every part where RFC 5424 has it. */

const PACKAGES = ["rsyslog", "libestr0", "libfastjson4", "liblognorm5"];

interface Rsyslog {
  program: string;
  args: string[];
  env: NodeJS.ProcessEnv;
}

let folder: string;
let rsyslog: Rsyslog | undefined;
let shell: Shell;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-syslog-"));
  shell = await Shell.open();
  rsyslog = await findRsyslog();
});
afterAll(async () => {
  await shell.close();
  await rm(folder, { recursive: true, force: true });
});

/** The machine's own, or Debian's package unpacked into a folder of this test: nothing is installed. */
async function findRsyslog(): Promise<Rsyslog | undefined> {
  if (spawnSync("rsyslogd", ["-v"]).status === 0) return { program: "rsyslogd", args: [], env: process.env };
  const packages = join(folder, "packages");
  await mkdir(packages);
  if (spawnSync("apt-get", ["download", ...PACKAGES], { cwd: packages }).status !== 0) return undefined;
  for (const file of globSync("*.deb", { cwd: packages }))
    execFileSync("dpkg", ["-x", file, "root"], { cwd: packages });
  const [modules = ""] = globSync("root/usr/lib/*/rsyslog", { cwd: packages });
  const env = { ...process.env, LD_LIBRARY_PATH: join(packages, modules, "..") };
  const program = join(packages, "root/usr/sbin/rsyslogd");
  return spawnSync(program, ["-v"], { env }).status === 0
    ? { program, args: ["-M", join(packages, modules)], env }
    : undefined;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function connected(port: number): Promise<Socket> {
  for (let left = 100; ; left -= 1) {
    const socket = connect(port, "127.0.0.1");
    const answered = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    if (answered) return socket;
    if (left === 0) throw new Error("rsyslog doesn't listen");
    await pause(100);
  }
}

test("every event arrives whole: header, each parameter, UTF-8", async () => {
  if (!rsyslog) {
    if (process.env["CI"] !== undefined) throw new Error("rsyslog is missing, and its packages can't be had");
    return;
  }
  const vault = await shell.makeVault();
  for (let index = 0; index < 30; index += 1) await entry(vault, `Teams/entry é ${index}`);
  const ids: { id: string }[] = [];
  for await (const { id } of vault.listCredentials()) ids.push({ id });
  for (let turn = 0; turn < 20; turn += 1) await vault.readMany(ids);
  const category = await vault.findCategory(["Teams"]);
  await vault.updateCategory(category?.id ?? "", { description: 'a "b" \\ ] — é' });
  const { head } = await vault.identity();
  await vault.close();

  const port = await freePort();
  const output = join(folder, "received.jsonl");
  const fields = ["pri", "hostname", "app-name", "msgid", "structured-data", "timestamp:::date-rfc3339"];
  const template = [...fields, "msg"].map((field) => {
    const [name = "", more = ""] = field.split(/(?=:::)/);
    return `constant(value="\\"${name}\\":\\"") property(name="${name}" format="json"${more ? ' dateFormat="rfc3339"' : ""}) constant(value="\\"")`;
  });
  await writeFile(
    join(folder, "rsyslog.conf"),
    `global(workDirectory="${folder}" maxMessageSize="8k")
module(load="imtcp")
template(name="json" type="list") { constant(value="{") ${template.join(' constant(value=",") ')} constant(value="}\\n") }
ruleset(name="all") { action(type="omfile" file="${output}" template="json") }
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="all")
`,
  );
  const options = ["-n", "-f", join(folder, "rsyslog.conf"), "-i", join(folder, "pid"), ...rsyslog.args];
  const server: ChildProcess = spawn(rsyslog.program, options, { env: rsyslog.env, stdio: "ignore" });
  const ended = new Promise((resolve) => server.once("close", resolve));
  try {
    const socket = await connected(port);
    const child = shell.start(["events", "--format", "rfc5424", "--after", "0"]);
    child.stdout?.pipe(socket);
    await new Promise((resolve) => socket.once("close", resolve));
    let lines: string[] = [];
    for (let left = 100; left > 0 && lines.length < head; left -= 1) {
      await pause(100);
      lines = (await readFile(output, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
    }
    const received = lines.map((line) => JSON.parse(line) as Record<string, string>);
    expect(received).toHaveLength(head);
    for (const [index, message] of received.entries()) {
      expect(message).toMatchObject({ "app-name": "coffre", pri: expect.stringMatching(/^1(10|08)$/) });
      expect(message["structured-data"]).toContain(`[coffre@32473 seq="${index + 1}" vault="main" `);
      expect(message["structured-data"]?.endsWith('"]')).toBe(true);
    }
    const read = received.filter(({ msgid }) => msgid === "credential.read");
    expect(read).toHaveLength(20);
    for (const message of read) for (const { id } of ids) expect(message["structured-data"]).toContain(`id="${id}"`);
  } finally {
    server.kill("SIGTERM");
    await ended;
  }
});
