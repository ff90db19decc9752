import { createConnection } from "mysql2/promise";
import { Secret } from "../../provider/core/secret.js";
import { mysqlDriver } from "../../provider/target/mysql/driver.js";
import { quoteName, quoteText } from "../../provider/target/mysql/names.js";
import type { TargetLogin, TargetSpec } from "../../provider/target/port.js";
import type { MariadbServer } from "../fixtures/mariadb-server.js";
import type { TargetHarness } from "./target-contract.js";

/** A real MariaDB server, seen by mysql2: independent of the driver's connections. */
export class MysqlHarness implements TargetHarness {
  readonly driver = mysqlDriver;
  readonly server: MariadbServer;
  readonly admin: TargetLogin;

  constructor(server: MariadbServer) {
    this.server = server;
    this.admin = this.login(server.user, server.password);
  }

  login(username: string, password: string, self = false): TargetLogin {
    return { username, password: new Secret(password), self };
  }

  description({ create = false } = {}): Record<string, unknown> {
    const { host, port } = this.server;
    const admin = { username: this.server.user, passwordEnv: "NOT_READ_HERE" };
    return { host, port, admin, ...(create ? { account: { create } } : {}) };
  }

  elsewhere(port: number): Record<string, unknown> {
    return { ...this.description(), port };
  }

  /** What the stack declares, with more. */
  specOf(name: string, more: Record<string, unknown> = {}): TargetSpec {
    return this.driver.parse({ ...this.description(), ...more }, name);
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.server.query(sql);
  }

  /** `'name'@'%'` unless another host is given. */
  async makeAccount(name: string, password: string, host = "%"): Promise<void> {
    const escaped = password.replaceAll(/['\\]/g, "\\$&");
    await this.query(`CREATE USER ${quoteName(name)}@${quoteName(host)} IDENTIFIED BY '${escaped}'`);
  }

  async accountExists(name: string): Promise<boolean> {
    return (await this.query(`SELECT 1 FROM mysql.global_priv WHERE User = ${quoteText(name)}`)).length > 0;
  }

  canLogIn(user: string, password: string): Promise<boolean> {
    return this.server.logsIn(user, password);
  }

  refusedLogins(name: string): Promise<number> {
    return this.server.refusedLogins(name);
  }

  async writeDown(text: string): Promise<void> {
    const { host, port, user, password } = this.server;
    const connection = await createConnection({ host, port, user, password });
    await connection.query(`SELECT '${text}'`);
    await connection.end();
  }

  log(): Promise<string> {
    return this.server.log();
  }

  async cutAdmin(): Promise<void> {
    const found = await this.query(
      `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = ${quoteText(this.server.user)} AND ID <> CONNECTION_ID()`,
    );
    for (const { id } of found) await this.query(`KILL CONNECTION ${String(id)}`);
  }

  stop(): Promise<void> {
    return this.server.remove();
  }
}
