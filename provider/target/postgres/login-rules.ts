import { escapeLiteral } from "pg";
import { ServerError } from "./errors.js";
import { oneLine, run } from "./statement.js";
import type { PostgresWire } from "./wire.js";

/** The first that shows which file a rule stands in, since from then on one file may include others. */
const INCLUDES_FILES = 160_000;

/**
 * The rules of the server's logins (pg_hba.conf), as a superuser sees them on a connection of its own. Asked once a session
 * and again when the server has loaded them anew, they spare a look the connection that would ask for one account.
 */
export class LoginRules {
  readonly #wire: PostgresWire;
  readonly #tls: boolean;
  readonly #version: number;
  #loadedAt: string | undefined;
  #hold = false;

  /** @param version the server's, as `server_version_num` has it */
  constructor(wire: PostgresWire, { tls, version }: { tls: boolean; version: number }) {
    this.#wire = wire;
    this.#tls = tls;
    this.#version = version;
  }

  /**
   * True if it is certain that the server asks every account that comes from here, by such a connection, for SCRAM-SHA-256.
   * False says nothing: rules for some accounts or databases, names of hosts, a proxy between, files changed since.
   * @param loadedAt when the server last read its configuration, as it just said
   * @throws WireError
   */
  async askEverybodyForScram(loadedAt: string): Promise<boolean> {
    if (loadedAt === this.#loadedAt) return this.#hold;
    this.#loadedAt = undefined;
    try {
      this.#hold = (await run(this.#wire, this.#query())).value === "t";
      this.#loadedAt = loadedAt;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#hold = false; // it may not see them any more
    }
    return this.#hold;
  }

  /**
   * The view reads the file as it is now. Only one that is older than the server's last load is what the server goes by;
   * `pg_stat_file` shows whole seconds, rounded down. A rule is taken for one that may apply unless its type or address
   * says that it doesn't (`check_hba` in PostgreSQL's `hba.c`).
   */
  #query(): string {
    const { localAddress, localPort } = this.#wire;
    const file = this.#version >= INCLUDES_FILES ? "file_name" : "current_setting('hba_file')";
    const types = ["host", this.#tls ? "hostssl" : "hostnossl"].map((type) => escapeLiteral(type));
    return oneLine(`
      SELECT inet_client_addr() = ${escapeLiteral(localAddress ?? "")}::inet AND inet_client_port() = ${Number(localPort)}
        AND bool_and(error IS NULL
          AND coalesce((pg_stat_file(file)).change < pg_conf_load_time() - interval '1.1 s', false)
          AND (applies IS FALSE OR (auth_method IN ('scram-sha-256', 'md5') AND options IS NULL)))
        AND bool_or(applies AND 'all' = ANY (database) AND 'all' = ANY (user_name))
      FROM (SELECT error, auth_method, options, database, user_name, ${file} AS file,
          CASE WHEN type NOT IN (${types.join(", ")}) THEN false
               WHEN address = 'all' THEN true
               WHEN netmask IS NULL THEN NULL
               WHEN family(address::inet) <> family(inet_client_addr()) THEN false
               ELSE (inet_client_addr() & netmask::inet) = (address::inet & netmask::inet) END AS applies
        FROM pg_catalog.pg_hba_file_rules) rules`);
  }
}
