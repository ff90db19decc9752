import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { parseLinuxTarget } from "../../provider/target/linux/schema.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import type { Facts } from "../../provider/target/postgres/facts.js";
import { judgeFacts } from "../../provider/target/postgres/look.js";
import type { PostgresTarget } from "../../provider/target/postgres/schema.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { Scene } from "../fixtures/rotation-scene.ts";

// What people read when something is wrong that other tests know by its code only. A message names what and where, and
// says what to do.

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CoffreError)) throw error;
  return error.message;
}

const connect = (port: number) =>
  postgresDriver.connect(
    postgresDriver.parse(
      { host: "127.0.0.1", port, tls: { allowPlainTcp: true }, limits: { connectMs: 300 } },
      "orders_app",
    ),
    { username: "dba", password: new Secret("hunter2"), self: false },
  );

test("a target that nobody serves", async () => {
  expect(await messageOf(connect(1))).toMatch(
    /^UNREACHABLE: Nothing serves PostgreSQL at 127\.0\.0\.1:1: no connection came about \(ECONNREFUSED\)[\s\S]*firewall.*waitFor\.timeoutSeconds/,
  );
});

test("a target that takes the connection and says nothing", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    expect(await messageOf(connect(port))).toMatch(
      new RegExp(`^UNREACHABLE: PostgreSQL at 127\\.0\\.0\\.1:${port} can't be reached: [\\s\\S]*limits sets the time`),
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

const ACCOUNT: NonNullable<Facts["account"]> = {
  mayLogIn: true,
  isSuperuser: false,
  isReplication: false,
  isExpired: false,
  expiresAt: null,
  hasAdminOption: false,
  comment: null,
};

function refusal(more: Partial<Facts>): string {
  const facts: Facts = {
    version: 180_000,
    isStandby: false,
    isReadOnly: false,
    loadedAt: "2026-01-01 00:00:00+00",
    iterations: 4096,
    me: { name: "weak", isSuperuser: false, mayCreateRoles: false },
    account: ACCOUNT,
    groups: [],
    group: null,
    logins: [],
    ...more,
  };
  const spec = postgresDriver.parse(
    { host: "db", adminRef: "coffre://main/id/cr_0123456789abcdefghijkl" },
    "orders_app",
  );
  try {
    judgeFacts(spec, {} as PostgresTarget, facts); // of the target only `account` is asked, which is optional
  } catch (error) {
    if (error instanceof CoffreError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

test.each<[string, Partial<Facts>, RegExp]>([
  [
    "a role that doesn't exist",
    { account: null },
    /^NOT_FOUND: Role "orders_app" at db:5432 doesn't exist[\s\S]*account: \{ create: true \}/,
  ],
  [
    "an admin without the right",
    {},
    /^FORBIDDEN: Role "orders_app" at db:5432 may not be changed by role "weak"[\s\S]*CREATEROLE/,
  ],
  [
    "NOLOGIN",
    { account: { ...ACCOUNT, mayLogIn: false } },
    /^TARGET_NOT_READY: Role "orders_app".*may not log in \(NOLOGIN\)[\s\S]*ALTER ROLE/,
  ],
  [
    "an expired role",
    { account: { ...ACCOUNT, isExpired: true, expiresAt: "2020-01-01" } },
    /has expired \(VALID UNTIL 2020-01-01\)[\s\S]*ALTER ROLE/,
  ],
  ["a standby", { isStandby: true }, /^TARGET_NOT_READY: PostgreSQL at db:5432 is a standby[\s\S]*verifyHosts/],
])("%s", (_what, facts, message) => {
  expect(refusal(facts)).toMatch(message);
});

test("an admin's password that is stale", async () => {
  const id = await scene.orders();
  scene.target.give("dba@db1:1", "somebody changed it");
  expect(await messageOf(scene.rotate(id))).toMatch(
    /^LOGIN_REFUSED: The admin dba was refused at db1:1\n.*Bring the admin's password in the vault up to date/,
  );
  expect(await messageOf(scene.rotate(id))).toMatch(
    /^NEEDS_ATTENTION: dba needs attention: The admin dba was refused[\s\S]*coffre resolve/,
  );
});

test("a wrong key, and a full disk", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coffre-messages-"));
  const path = join(folder, "vault.db");
  const keyText = newKeyText();
  const options = { path, actor: "a test", clock: systemClock };
  try {
    await createEmbeddedVault({ ...options, name: "main", key: { keyText } });
    const wrong = openEmbeddedVault({ ...options, key: { keyText: newKeyText() } });
    expect(await messageOf(wrong.identity())).toMatch(
      /^WRONG_KEY: No key slot of the vault \S+ opens with this key file[\s\S]*coffre doctor/,
    );
    await wrong.close();
    const full = openEmbeddedVault({ ...options, key: { keyText }, maxPages: 60 });
    const many = Array.from({ length: 400 }, (_, index) => ({
      name: `n${index}`,
      categoryId: null,
      initial: { value: new Secret("x".repeat(500)), causes: [] },
    }));
    expect(await messageOf(full.createCredentials(many))).toMatch(
      /^DISK_FULL: There is no space left for the vault .*vault\.db/,
    );
    await full.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [{ port: 70000 }, '"port" must be 65535 or less'],
  [{ port: "22" }, '"port" must be a number, not text'],
  [{ verify: "maybe" }, '"verify" must be "none"'],
  [{ onDelete: "remove" }, '"onDelete" must be "keep" or "disable" or "drop"'],
  [{ waitFor: { timeoutSeconds: -1 } }, '"waitFor.timeoutSeconds" must be 0 or more'],
  [{ host: undefined }, '"host" is missing: it must be text'],
])("a Linux target with %j is refused in words of our own", (more, problem) => {
  const description = { host: "web-1", hostKey: `SHA256:${"A".repeat(43)}`, ...more };
  expect(() => parseLinuxTarget(description, "deploy")).toThrow(
    `INVALID_INPUT: The Linux target isn't valid: ${problem}\n  Correct the field; docs/targets/linux.md describes`,
  );
});
