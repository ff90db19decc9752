import { createHash } from "node:crypto";
import { quoteText } from "../../provider/target/mysql/names.js";
import type { Mariadb } from "./mariadb.ts";
import type { System } from "./system.ts";

/** The MariaDB that all points share, each with accounts of its own. */
export class MysqlSystem implements System {
  readonly mariadb: Mariadb;

  constructor(mariadb: Mariadb) {
    this.mariadb = mariadb;
  }

  get address(): { host: string; port: number } {
    return { host: this.mariadb.server.host, port: this.mariadb.server.port };
  }

  async verifiers(users: readonly string[]): Promise<Map<string, string | undefined>> {
    const rows = await this.mariadb.server.query<{ user: string; hash: string | null }>(
      `SELECT User AS user, JSON_VALUE(Priv, '$.authentication_string') AS hash FROM mysql.global_priv
       WHERE User IN (${users.map((user) => quoteText(user)).join(", ")})`,
    );
    return new Map(rows.map(({ user, hash }) => [user, hash ?? undefined]));
  }

  /** Computed here and not by the provider's code. */
  isMadeOf(verifier: string, password: string): boolean {
    const sha1 = (data: Buffer) => createHash("sha1").update(data).digest();
    return verifier.toLowerCase() === `*${sha1(sha1(Buffer.from(password))).toString("hex")}`;
  }

  logsIn(user: string, password: string): Promise<boolean> {
    return this.mariadb.server.logsIn(user, password);
  }

  refusedLogins(user: string): Promise<number> {
    return this.mariadb.server.refusedLogins(user);
  }

  async close(): Promise<void> {} // other points go on with it
}
