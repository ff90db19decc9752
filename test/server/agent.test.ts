import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { startAgent } from "../../provider/server/agent/agent.js";
import { agentSocket } from "../../provider/server/agent/agent-socket.js";
import type { CoffreServer } from "../../provider/server/app.js";
import { v1Front } from "../../provider/server/v1/front.js";
import { askAgent } from "../../provider/vault/agent/ask.js";
import { openAgentVault } from "../../provider/vault/agent/open.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let folder: string;
let socket: string;
let vault: Vault;
const running: { stop(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coffre-agent-"));
  socket = join(folder, "run", "agent.sock");
  vault = createMemoryVault();
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  await vault.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(path = socket): Promise<CoffreServer> {
  const options = {
    vault,
    url: "file:///srv/coffre/prod.db",
    user: "ana@runner-3",
    clock: systemClock,
    fronts: [v1Front],
  };
  const server = await startAgent({ ...options, socket: path });
  running.push(server);
  return server;
}

/** Something else that listens on a path. */
async function listen(server: Server, path: string): Promise<void> {
  server.listen({ path });
  await once(server, "listening");
  running.push({ stop: async () => void server.close() });
}

function isDone<T>(one: PromiseSettledResult<T>): one is PromiseFulfilledResult<T> {
  return one.status === "fulfilled";
}

/** What a killed agent leaves. */
function leaveStale(path: string): void {
  mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
  const program =
    'require("node:net").createServer().listen({path:process.argv[1]},()=>process.kill(process.pid,"SIGKILL"))';
  spawnSync(process.execPath, ["-e", program, path]);
  chmodSync(path, 0o600);
  expect(lstatSync(path).isSocket()).toBe(true);
}

/** Something of another user: a socket where this one may make such a thing, else a file of root's. */
async function foreign(): Promise<string> {
  if (!isRoot) return "/etc/passwd";
  const path = join(folder, "theirs.sock");
  await listen(createServer(), path);
  chownSync(path, NOBODY, NOBODY);
  return path;
}

async function entryOf(value: string): Promise<string> {
  const [made] = await vault.createCredentials([
    { name: "orders-app", categoryId: null, initial: { value: new Secret(value), causes: [] } },
  ]);
  return made?.id ?? "";
}

describe("the socket", () => {
  test("is its user's alone, in a folder of its user's alone, and gone once the agent ends", async () => {
    const mask = process.umask(0);
    try {
      const agent = await start();
      expect(lstatSync(socket).mode & 0o777).toBe(0o600);
      expect(lstatSync(join(socket, "..")).mode & 0o777).toBe(0o700);
      expect(process.umask()).toBe(0); // what the agent starts is masked as before
      running.pop();
      await agent.stop();
      expect(existsSync(socket)).toBe(false);
    } finally {
      process.umask(mask);
    }
  });

  test("of a live agent is refused, and stays", async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: "CONFLICT", hint: expect.stringContaining(socket) });
    expect(await askAgent(socket)).toMatchObject({ pid: process.pid });
  });

  test("that a killed agent left is replaced", async () => {
    leaveStale(socket);
    await start();
    expect(await askAgent(socket)).toMatchObject({ url: "file:///srv/coffre/prod.db", pid: process.pid });
  });

  test.each([
    ["is free", () => undefined],
    ["a killed agent left", () => leaveStale(socket)],
  ])("that %s is one agent's, of three that begin in one instant; the others find it", async (_what, prepare) => {
    for (let round = 0; round < 3; round += 1) {
      prepare();
      const all = await Promise.allSettled([start(), start(), start()]);
      const [won, lost] = [all.filter(isDone), all.filter((one) => !isDone(one))];
      expect(won).toHaveLength(1);
      const conflict = { code: "CONFLICT", problem: `An agent listens on ${socket} already` };
      expect(lost).toEqual(lost.map(() => ({ status: "rejected", reason: expect.objectContaining(conflict) })));
      expect(await askAgent(socket)).toMatchObject({ pid: process.pid });
      expect(readdirSync(join(socket, "..")).sort()).toEqual(["agent.sock", "agents.lock"]);
      await running.pop()?.stop();
    }
  });

  test("isn't waited for without an end where another agent hangs at its beginning", async () => {
    mkdirSync(join(socket, ".."), { mode: 0o700 });
    const lock = new DatabaseSync(join(socket, "..", "agents.lock"));
    lock.exec("BEGIN EXCLUSIVE");
    try {
      await expect(start()).rejects.toMatchObject({ code: "LOCKED", hint: expect.stringContaining("hangs") });
    } finally {
      lock.close();
    }
    await start();
  }, 30_000);

  test("isn't made in the place of anything else", async () => {
    mkdirSync(join(socket, ".."), { mode: 0o700 });
    writeFileSync(socket, "somebody's notes");
    await expect(start()).rejects.toMatchObject({
      code: "CONFLICT",
      problem: `${socket} is no socket; it was left alone`,
    });
    rmSync(socket);
    symlinkSync("/nowhere", socket);
    await expect(start()).rejects.toMatchObject({ code: "CONFLICT" });
    expect(lstatSync(socket).isSymbolicLink()).toBe(true);
  });

  test("of another user is left alone", async () => {
    if (!isRoot) return;
    const theirs = await foreign();
    await expect(start(theirs)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(lstatSync(theirs).uid).toBe(NOBODY);
  });

  test("that is open to others is no agent's", async () => {
    mkdirSync(join(socket, ".."), { mode: 0o700 });
    await listen(createServer(), socket);
    chmodSync(socket, 0o666);
    await expect(start()).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(askAgent(socket)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  test("has a path that the system can take", async () => {
    await expect(start(join(folder, "x".repeat(120)))).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("has its place below the user's run-time folder", () => {
    expect(agentSocket({ XDG_RUNTIME_DIR: "/run/user/1000" })).toBe("/run/user/1000/coffre/agent.sock");
    expect(agentSocket({ XDG_RUNTIME_DIR: "/run/user/1000" }, 17)).toBe("/run/user/1000/coffre/agent-17.sock");
    const own = join(tmpdir(), `coffre-${process.getuid?.() ?? ""}`, "agent.sock");
    for (const env of [{}, { XDG_RUNTIME_DIR: "" }, { XDG_RUNTIME_DIR: "run" }]) expect(agentSocket(env)).toBe(own);
  });
});

describe("a folder is refused", () => {
  const folderOf = () => join(socket, "..");
  const wrong = (problem: string) => ({
    code: "CONFIGURATION",
    problem: expect.stringContaining(problem),
    hint: expect.stringContaining("XDG_RUNTIME_DIR"),
  });

  test("that is open to others", async () => {
    mkdirSync(folderOf());
    chmodSync(folderOf(), 0o750);
    await expect(start()).rejects.toMatchObject(wrong("is open to others (mode 0750)"));
  });

  test("that is a link", async () => {
    mkdirSync(join(folder, "elsewhere"), { mode: 0o700 });
    symlinkSync(join(folder, "elsewhere"), folderOf());
    await expect(start()).rejects.toMatchObject(wrong("is a link or a file"));
  });

  test("that somebody could put another in the place of", async () => {
    chmodSync(folder, 0o777);
    await expect(start()).rejects.toMatchObject(wrong("where others may put another in its place (mode 0777)"));
  });

  test("that is another user's, or lies in one", async () => {
    if (!isRoot) return;
    mkdirSync(folderOf(), { mode: 0o700 });
    chownSync(folderOf(), NOBODY, NOBODY);
    await expect(start()).rejects.toMatchObject(wrong("belongs to another user"));
    chownSync(folderOf(), 0, 0);
    chownSync(folder, NOBODY, NOBODY);
    await expect(start()).rejects.toMatchObject(wrong("which belongs to another user"));
  });

  test("that can't be made", async () => {
    writeFileSync(folderOf(), "");
    await expect(start(join(folderOf(), "deeper", "agent.sock"))).rejects.toMatchObject(
      wrong("can't be made (ENOTDIR)"),
    );
  });
});

describe("COFFRE_AGENT is refused with what to do next:", () => {
  const next = (code: string, problem: string) => ({
    code,
    problem: expect.stringContaining(problem),
    hint: expect.stringMatching(/unset (COFFRE_AGENT|it)/),
  });

  test("nothing there, a folder that isn't there", async () => {
    await expect(askAgent(join(folder, "none.sock"))).rejects.toMatchObject(next("UNREACHABLE", "nothing is there"));
    await expect(askAgent(join(folder, "none/a.sock"))).rejects.toMatchObject(next("UNREACHABLE", "nothing is there"));
  });

  test("a regular file", async () => {
    const path = join(folder, "notes.txt");
    writeFileSync(path, "");
    await expect(askAgent(path)).rejects.toMatchObject(next("CONFIGURATION", "is no socket"));
  });

  test("a dead agent", async () => {
    leaveStale(socket);
    await expect(askAgent(socket)).rejects.toMatchObject(next("UNREACHABLE", "has ended"));
  });

  test("another user's", async () => {
    await expect(askAgent(await foreign())).rejects.toMatchObject(next("FORBIDDEN", "belongs to another user"));
  });

  test("this user's, in a folder in which others may put another while it is asked", async () => {
    await start();
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    symlinkSync(join(socket, ".."), join(open, "run"));
    await expect(askAgent(join(open, "run", "agent.sock"))).rejects.toMatchObject(
      next("FORBIDDEN", "where others may put another in its place (mode 0777)"),
    );
    chmodSync(open, 0o1777);
    expect(await askAgent(join(open, "run", "agent.sock"))).toMatchObject({ pid: process.pid });
    if (!isRoot) return;
    lchownSync(join(open, "run"), NOBODY, NOBODY);
    await expect(askAgent(join(open, "run", "agent.sock"))).rejects.toMatchObject(
      next("FORBIDDEN", "belongs to another user"),
    );
  });

  test("a relative path", async () => {
    await expect(askAgent("agent.sock")).rejects.toMatchObject(next("CONFIGURATION", "absolute path"));
  });

  test("something else that listens", async () => {
    const other = join(folder, "other.sock");
    const silent = join(folder, "silent.sock");
    await listen(
      createHttpServer((_request, response) => void response.end("<html>")),
      other,
    );
    await listen(
      createServer((connection) => void connection.destroy()),
      silent,
    );
    for (const path of [other, silent]) chmodSync(path, 0o600);
    await expect(askAgent(other)).rejects.toMatchObject(next("BAD_RESPONSE", "doesn't answer as an agent"));
    await expect(askAgent(silent)).rejects.toMatchObject(next("UNREACHABLE", "doesn't answer"));
  });
});

describe("a reader", () => {
  async function reader(): Promise<Vault> {
    await start();
    const through = openAgentVault(socket, await askAgent(socket));
    running.push({ stop: () => through.close() });
    return through;
  }
  const valueOf = async (from: Vault, id: string) => {
    const [answer] = await from.readMany([{ id }]);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    return { version: answer.version, value: answer.value.reveal() };
  };

  test("never gets a value that is older than the vault's", async () => {
    const through = await reader();
    const id = await entryOf("first");
    expect(await valueOf(through, id)).toEqual({ version: 1, value: "first" });
    for (const version of [2, 3, 4]) {
      const { lease } = await vault.acquireLease(id, { holder: "another process", ttlSeconds: 60 });
      const stage = { step: "stage" as const, value: new Secret(`value ${version}`), causes: [], accounts: [] };
      await vault.record(lease, [stage, { step: "promote", version, verified: false }, { step: "release" }]);
      expect(await valueOf(through, id)).toEqual({ version, value: `value ${version}` });
    }
  });

  test("writes to the vault itself, by the whole port", async () => {
    const through = await reader();
    const category = await through.createCategory({ name: "Databases", parentId: null });
    expect(await vault.readCategory(category.id)).toMatchObject({ path: ["Databases"] });
    expect(through.capabilities).toEqual(vault.capabilities);
    expect(await through.identity()).toEqual(await vault.identity());
    await through.people.createPrincipal({ kind: "user", name: "ana" });
    expect(await vault.people.findPrincipal("user", "ana")).toBeDefined();
  });

  test("is told by name what the vault refuses", async () => {
    const through = await reader();
    await expect(through.readCredential("cr_0123456789abcdefghijkl")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
