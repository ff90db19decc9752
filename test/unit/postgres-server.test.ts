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
