import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client, type ClientConfig } from "pg";
import { createAuthority, type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";

async function query(config: ClientConfig, sql: string): Promise<unknown> {
  const client = new Client(config);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows[0];
  } finally {
    await client.end();
  }
}

describe("the PostgreSQL server that tests and the quickstart start", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ tls: true, hba: ["host all trusted 127.0.0.1/32 trust"] });
    await query(server.connection(), "create role trusted login");
  }, 60_000);
  afterAll(() => server.remove());

  test("asks for the password, and its log counts who was refused", async () => {
    const wrong = { ...server.connection(), password: "not it" };
    await expect(query(wrong, "select 1")).rejects.toThrow("password authentication failed");
    expect(await server.refusedLogins("postgres")).toBe(1);
    expect(await server.refusedLogins("trusted")).toBe(0);
  });

  test("follows the lines of pg_hba.conf that a test gives, and forgets them again", async () => {
    const trusted = { ...server.connection(), user: "trusted", password: "anything" };
    await expect(query(trusted, "select current_user as me")).resolves.toEqual({ me: "trusted" });
    await server.setHba([]);
    await expect(query(trusted, "select 1")).rejects.toThrow("password authentication failed");
  });

  test("serves TLS by its own authority and by no other", async () => {
    const ca = server.authorityCertificate ?? "";
    const sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    await expect(query({ ...server.connection(), ssl: { ca } }, sql)).resolves.toEqual({ ssl: true });
    const stranger = { ca: createAuthority("Coffre test authority").certificate };
    await expect(query({ ...server.connection(), ssl: stranger }, "select 1")).rejects.toThrow();
  });

  test("answers nothing while it is paused", async () => {
    await server.pause();
    const impatient = { ...server.connection(), connectionTimeoutMillis: 200 };
    await expect(query(impatient, "select 1")).rejects.toThrow("timeout expired");
    await server.resume();
    await expect(query(server.connection(), "select 1 as one")).resolves.toEqual({ one: 1 });
  });

  test("becomes a standby, which takes logins and only reads", async () => {
    await server.becomeStandby();
    const sql = "select pg_is_in_recovery() as standby";
    await expect(query(server.connection(), sql)).resolves.toEqual({ standby: true });
    await expect(query(server.connection(), "create role writer")).rejects.toThrow("read-only");
  });
});

test("a temporary server ends with the process that started it, even if that is killed, and leaves no folder", async () => {
  const program = `import { startPostgres } from "./tools/postgres/server.ts";
const server = await startPostgres();
console.log(JSON.stringify({ folder: server.folder, ...(await server.status()) }));
setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(owner.stdout, "data")) as [Buffer];
  const { folder, pid } = JSON.parse(line.toString()) as { folder: string; pid: number };
  expect(existsSync(folder)).toBe(true);
  owner.kill("SIGKILL");
  for (const until = Date.now() + 5_000; existsSync(folder) && Date.now() < until;) await delay(50);
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(`/proc/${String(pid)}`)).toBe(false);
});
