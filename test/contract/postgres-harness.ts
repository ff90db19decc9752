import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { Secret } from "../../provider/core/secret.js";
import type { TargetLogin } from "../../provider/target/port.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import type { PostgresServer } from "../fixtures/postgres-server.js";
import type { TargetHarness } from "./target-contract.js";

/** A real PostgreSQL server, seen by `pg`'s own client: independent of the driver's connections. */
export class PostgresHarness implements TargetHarness {
  readonly driver = postgresDriver;
  readonly server: PostgresServer;
  readonly admin: TargetLogin;

  constructor(server: PostgresServer) {
    this.server = server;
    this.admin = this.login(server.user, server.password);
  }

  login(username: string, password: string): TargetLogin {
    return { username, password: new Secret(password), self: false };
  }

  description({ create = false } = {}): Record<string, unknown> {
    const { host, port } = this.server;
    const admin = { username: this.server.user, passwordEnv: "NOT_READ_HERE" };
    return { host, port, admin, ...(create ? { account: { create } } : {}) };
  }

  elsewhere(port: number): Record<string, unknown> {
    return { ...this.description(), port };
  }

  /** Runs statements as the superuser, unseen by the log. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const client = new Client({
      ...this.server.connection(),
      options: "-c log_statement=none -c log_min_duration_statement=-1",
    });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async makeAccount(name: string, password: string): Promise<void> {
    await this.query(`CREATE ROLE ${escapeIdentifier(name)} LOGIN PASSWORD ${escapeLiteral(password)}`);
  }

  async accountExists(name: string): Promise<boolean> {
    return (await this.query(`SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(name)}`)).length === 1;
  }

  async canLogIn(user: string, password: string): Promise<boolean> {
    const client = new Client({ ...this.server.connection(), user, password });
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  }

  refusedLogins(name: string): Promise<number> {
    return this.server.refusedLogins(name);
  }

  async writeDown(text: string): Promise<void> {
    const client = new Client(this.server.connection());
    await client.connect();
    await client.query(`SELECT ${escapeLiteral(text)}`);
    await client.end();
  }

  log(): Promise<string> {
    return this.server.log();
  }

  async cutAdmin(): Promise<void> {
    await this.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coffre'");
  }

  stop(): Promise<void> {
    return this.server.remove();
  }
}
