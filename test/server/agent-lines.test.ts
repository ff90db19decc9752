import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { startAgent } from "../../provider/server/agent/agent.js";
import { answerLines } from "../../provider/server/agent/ask-lines.js";
import { type Caller, type CoffreServer, createApp, type ServerContext } from "../../provider/server/app.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";

let folder: string;
let socket: string;
let vault: Vault;
let agent: CoffreServer;
const connections: Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "coffre-lines-"));
  socket = join(folder, "run", "agent.sock");
  vault = createMemoryVault();
  await vault.createCredentials(
    ["orders", "café"].map((name) => ({
      name,
      categoryId: null,
      initial: { value: new Secret(`the value of ${name}\nline 2`), causes: [] },
    })),
  );
  agent = await startAgent({ vault, url: "file:///srv/prod.db", user: "ana", clock: systemClock, socket, fronts: [] });
});
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy();
  await agent.stop();
  await vault.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A connection on which `head` was sent, and the lines that come on it. */
async function open(head: string, path = socket): Promise<{ connection: Socket; next: () => Promise<string> }> {
  const connection = connect({ path });
  connections.push(connection);
  await once(connection, "connect");
  connection.write(head);
  const lines = createInterface({ input: connection, crlfDelay: Infinity })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    return done === true ? "(ended)" : value;
  };
  return { connection, next };
}

const UPGRADE = "GET /agent/lines HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: coffre-lines\r\n\r\n";

async function upgraded(path = socket) {
  const opened = await open(UPGRADE, path);
  const head = [await opened.next(), await opened.next(), await opened.next(), await opened.next()];
  expect(head).toEqual(["HTTP/1.1 101 Switching Protocols", "Upgrade: coffre-lines", "Connection: Upgrade", ""]);
  return opened;
}

const asking = (...names: string[]) =>
  `read-many ${JSON.stringify({ requests: names.map((name) => ({ path: [name] })) })}\n`;

/** Status and body of an answer. */
function parse(line: string): { status: number; body: { value?: unknown; error?: { code: string; problem: string } } } {
  const space = line.indexOf(" ");
  return { status: Number(line.slice(0, space)), body: JSON.parse(line.slice(space + 1)) as never };
}

const valuesIn = (line: string) =>
  (parse(line).body.value as { answer?: { value: string }; error?: { code: string } }[]).map(
    ({ answer, error }) => answer?.value ?? error?.code,
  );

test("a line asks, a line answers, and each read is an event as by HTTP", async () => {
  const { connection, next } = await upgraded();
  connection.write(asking("orders"));
  const line = await next();
  expect(valuesIn(line)).toEqual(["the value of orders\nline 2"]);
  connection.write(asking("orders", "nothing"));
  expect(valuesIn(await next())).toEqual(["the value of orders\nline 2", "NOT_FOUND"]);
  const read: string[] = [];
  for await (const { action } of vault.listEvents({})) if (action === "credential.read") read.push(action);
  expect(read).toHaveLength(2);
});

test("questions that come in one piece, and one that comes letter by letter, are answered in their order", async () => {
  const { connection, next } = await upgraded();
  connection.write(asking("orders") + asking("café") + "identity {}\n");
  expect(valuesIn(await next())).toEqual(["the value of orders\nline 2"]);
  expect(valuesIn(await next())).toEqual(["the value of café\nline 2"]);
  expect(parse(await next())).toMatchObject({ status: 200, body: { value: { name: "memory" } } });
  for (const byte of Buffer.from(asking("café"))) {
    connection.write(Uint8Array.of(byte));
    await pause(1);
  }
  expect(valuesIn(await next())).toEqual(["the value of café\nline 2"]);
});

test("what comes with the upgrade itself is answered, also to one that sends nothing more", async () => {
  const { connection, next } = await open(UPGRADE + asking("orders"));
  connection.end();
  for (let line = await next(); line !== ""; line = await next());
  expect(valuesIn(await next())).toEqual(["the value of orders\nline 2"]);
  expect(await next()).toBe("(ended)");
});

test.each([
  ["nothing", "", 404, "NOT_SUPPORTED"],
  ["one word", "read-many", 404, "NOT_SUPPORTED"],
  ["what changes something", "delete-credential {}", 404, "NOT_SUPPORTED"],
  ["what is counted", "find-values {}", 404, "NOT_SUPPORTED"],
  ["a list", "list-credentials {}", 404, "NOT_SUPPORTED"],
  ["a name of every object", "constructor {}", 404, "NOT_SUPPORTED"],
  ["no JSON", "read-many {hunter2", 400, "INVALID_INPUT"],
  ["a key twice", 'read-many {"requests":[],"requests":[]}', 400, "INVALID_INPUT"],
  ["an unknown field", 'read-many {"requests":[{"path":["a"],"pasword":"hunter2"}]}', 400, "INVALID_INPUT"],
  ["an entry that isn't there", 'read-credential {"id":"cr_aaaaaaaaaaaaaaaaaaaaaa"}', 404, "NOT_FOUND"],
])("%s is refused without being repeated, and the next line is answered", async (_what, line, status, code) => {
  const { connection, next } = await upgraded();
  connection.write(`${line}\n${asking("orders")}`);
  const answer = await next();
  expect(parse(answer)).toMatchObject({ status, body: { error: { code } } });
  expect(answer).not.toContain("hunter2");
  expect(valuesIn(await next())).toEqual(["the value of orders\nline 2"]);
});

test.each([
  ["another protocol", "GET /agent/lines HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"],
  ["another place", "GET /v1/identity HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: coffre-lines\r\n\r\n"],
])("an upgrade to %s is refused", async (_what, head) => {
  const { next } = await open(head);
  expect(await next()).toBe("HTTP/1.1 426 Upgrade Required");
  for (let line = await next(); line !== "(ended)"; line = await next()) expect(line).not.toContain("{");
});

test("an agent that is to end answers the question under way, and waits for no connection on which nothing is asked", async () => {
  const idle = await upgraded();
  const busy = await upgraded();
  const readMany = vault.readMany.bind(vault);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const asked = new Promise<void>((resolve) => {
    vault.readMany = async (requests) => {
      resolve();
      await held;
      return readMany(requests);
    };
  });
  busy.connection.write(asking("orders") + asking("café"));
  await asked;
  const stopping = agent.stop();
  expect(await idle.next()).toBe("(ended)");
  release();
  expect(valuesIn(await busy.next())).toEqual(["the value of orders\nline 2"]);
  expect(await busy.next()).toBe("(ended)");
  await stopping;
});

test("a line that is too long is refused, and the connection with it", async () => {
  const path = join(folder, "short.sock");
  const caller = { vault } as Caller;
  const context = { vault, clock: systemClock, call: async () => caller } as unknown as ServerContext;
  const server = await createApp({ context, fronts: [] });
  answerLines(server, { caller, longest: 200 });
  await server.listen({ path });
  try {
    const { connection, next } = await upgraded(path);
    connection.write(asking("orders"));
    expect(valuesIn(await next())).toEqual(["the value of orders\nline 2"]);
    connection.write("read-many ".padEnd(300, "x"));
    expect(parse(await next())).toMatchObject({ status: 413, body: { error: { code: "INVALID_INPUT" } } });
    expect(await next()).toBe("(ended)");
  } finally {
    await server.stop();
  }
});

test("who asks much and takes no answers holds up nobody but himself", async () => {
  const { connection } = await upgraded();
  connection.pause();
  let asked = 0;
  const readMany = vault.readMany.bind(vault);
  vault.readMany = async (requests) => {
    asked += 1;
    return readMany(requests);
  };
  const many = asking(...Array.from({ length: 500 }, () => "orders")).repeat(400);
  connection.write(many);
  await pause(500);
  const before = asked;
  await pause(200);
  expect(asked).toBe(before); // he waits
  expect(before).toBeLessThan(400);
  const other = await upgraded();
  other.connection.write(asking("orders"));
  expect(valuesIn(await other.next())).toEqual(["the value of orders\nline 2"]);
});
