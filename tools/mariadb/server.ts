// A real MariaDB server on loopback for tests, benches and crash runs. It starts in well under a second, on a copy of a data
// folder that is made once, and ends with this process, even if that is killed.
import { createHash, randomBytes } from "node:crypto";
import { cp, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createConnection } from "mysql2/promise";
import { createAuthority } from "../postgres/certificates.ts";
import { freePort, isAlive, signal, spawnGuarded } from "../servers/guarded.ts";
import { findMariadb } from "./binaries.ts";
import { asRoot, dataTemplate, REDO_LOG } from "./template.ts";

const START_TIMEOUT_MS = 30_000;
const PORT_ATTEMPTS = 5;

export interface MariadbOptions {
  /** Server settings by name, for example `{ "max-connections": "20" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Serve TLS with a certificate for these hosts, by an authority of the server's own. */
  readonly tls?: readonly string[];
  /** Write every statement down, in `general.log`. */
  readonly generalLog?: boolean;
}

/** Starts a server whose only account is `root`, from 127.0.0.1. @throws Error where no MariaDB is installed */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbServer> {
  const binaries = findMariadb();
  if (!binaries) throw new Error("There is no MariaDB: install one (on Debian `apt-get install mariadb-server`).");
  const folder = await mkdtemp(join(tmpdir(), "coffre-mariadb-"));
  const server = new MariadbServer(folder, binaries.server, options);
  try {
    await cp(await dataTemplate(binaries), server.dataFolder, { recursive: true });
    await server.prepare();
    await server.start();
  } catch (error) {
    await server.remove();
    throw error;
  }
  return server;
}

/** A MariaDB server of our own. Made by {@link startMariadb}. */
export class MariadbServer {
  readonly host = "127.0.0.1";
  readonly user = "root";
  readonly password = randomBytes(18).toString("base64url");
  port = 0;
  /** Holds everything of this server: `data`, logs, keys. */
  readonly folder: string;
  readonly dataFolder: string;
  /** Certificate of the server's authority, PEM, if it serves TLS. */
  authorityCertificate: string | undefined;
  readonly #program: string;
  readonly #options: MariadbOptions;

  constructor(folder: string, program: string, options: MariadbOptions) {
    this.folder = folder;
    this.dataFolder = join(folder, "data");
    this.#program = program;
    this.#options = options;
  }

  /** Writes what the server reads when it starts: root's hash, and its certificate. */
  async prepare(): Promise<void> {
    const sha1 = (data: Buffer) => createHash("sha1").update(data).digest();
    const hash = sha1(sha1(Buffer.from(this.password))).toString("hex");
    const statements = [
      "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> '127.0.0.1';",
      "DELETE FROM mysql.proxies_priv;",
      "FLUSH PRIVILEGES;",
      `ALTER USER root@127.0.0.1 IDENTIFIED VIA mysql_native_password USING '*${hash.toUpperCase()}';`,
    ];
    await writeFile(this.#path("init.sql"), statements.join("\n"), { mode: 0o600 });
    const [commonName] = this.#options.tls ?? [];
    if (commonName === undefined) return;
    const authority = createAuthority();
    const { certificate, key } = authority.issue({ commonName, hosts: [...(this.#options.tls ?? [])] });
    this.authorityCertificate = authority.certificate;
    await writeFile(this.#path("authority.pem"), authority.certificate);
    await writeFile(this.#path("server.pem"), certificate);
    await writeFile(this.#path("server.key"), key, { mode: 0o600 });
  }

  /** Starts it, at its port if it had one, and waits until it takes connections. */
  async start(): Promise<void> {
    const kept = this.port;
    for (let attempt = 1; ; attempt++) {
      this.port = kept || (await freePort());
      const problem = await this.#launch();
      if (problem === undefined) return;
      if (!/address already in use/i.test(problem) || kept !== 0 || attempt === PORT_ATTEMPTS)
        throw new Error(`MariaDB did not start on 127.0.0.1:${String(this.port)}:\n${problem}`);
    }
  }

  /** Ends it at once; what is committed stays, and `start()` goes on with it. */
  async stop(): Promise<void> {
    const pid = await this.#pid();
    if (pid === undefined) return;
    signal(pid, "SIGKILL");
    while (isAlive(pid)) await delay(5);
    await rm(this.#path("pid"), { force: true });
  }

  /** Ends it and deletes its data. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Freezes it: it takes connections and answers nothing, until `resume()`. */
  async pause(): Promise<void> {
    signal((await this.#pid()) ?? 0, "SIGSTOP");
  }

  async resume(): Promise<void> {
    signal((await this.#pid()) ?? 0, "SIGCONT");
  }

  /** Runs a statement as root, by a client that isn't Coffre's; the general log doesn't see it. */
  async query<Row extends object = Record<string, unknown>>(sql: string): Promise<Row[]> {
    const connection = await createConnection({ ...this.#login(this.user, this.password), charset: "utf8mb4" });
    try {
      await connection.query("SET SESSION sql_log_off = 1");
      const [rows] = await connection.query(sql);
      return (Array.isArray(rows) ? rows : []) as Row[]; // the columns that the caller asks for
    } finally {
      await connection.end();
    }
  }

  /** A plain login by a client that isn't Coffre's. @throws what isn't a refused password */
  async logsIn(user: string, password: string): Promise<boolean> {
    try {
      const connection = await createConnection(this.#login(user, password));
      await connection.end();
      return true;
    } catch (error) {
      const refused = ["ER_ACCESS_DENIED_ERROR", "ER_ACCOUNT_HAS_BEEN_LOCKED"];
      if (error instanceof Error && "code" in error && refused.includes(String(error.code))) return false;
      throw error;
    }
  }

  /** How many logins it has refused for their password, of one user or of all. */
  async refusedLogins(user?: string): Promise<number> {
    const refusals = (await this.#said()).matchAll(/Access denied for user '(.*)'@'[^']*' \(using password/g);
    return [...refusals].filter(([, who]) => user === undefined || who === user).length;
  }

  /** All that it has written down so far: its error log, and the general log if it keeps one. */
  async log(): Promise<string> {
    return `${await this.#said()}\n${await readFile(this.#path("general.log"), "utf8").catch(() => "")}`;
  }

  /** The error log. */
  #said(): Promise<string> {
    return readFile(this.#path("server.log"), "utf8").catch(() => "");
  }

  #login(user: string, password: string) {
    const { host, port, authorityCertificate: ca } = this;
    return { host, port, user, password, ...(ca === undefined ? {} : { ssl: { ca } }) };
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  async #pid(): Promise<number | undefined> {
    const pid = Number(await readFile(this.#path("pid"), "utf8").catch(() => ""));
    return pid > 0 && isAlive(pid) ? pid : undefined;
  }

  /** @returns the last lines of its log if it ended instead of serving */
  async #launch(): Promise<string | undefined> {
    const settings = {
      datadir: this.dataFolder,
      socket: this.#path("socket"),
      port: String(this.port),
      "bind-address": this.host,
      "pid-file": this.#path("pid"),
      "init-file": this.#path("init.sql"),
      "log-warnings": "2", // refused logins are written down
      "innodb-buffer-pool-size": "8M",
      "innodb-flush-log-at-trx-commit": "0",
      ...(this.#options.generalLog ? { "general-log": "1", "general-log-file": this.#path("general.log") } : {}),
      ...(this.authorityCertificate === undefined
        ? {}
        : {
            "ssl-ca": this.#path("authority.pem"),
            "ssl-cert": this.#path("server.pem"),
            "ssl-key": this.#path("server.key"),
          }),
      ...this.#options.settings,
    };
    const values = Object.entries(settings).map(([key, value]) => `--${key}=${value}`);
    const command = [this.#program, "--no-defaults", ...asRoot(), "--skip-name-resolve", REDO_LOG, ...values];
    const log = await open(this.#path("server.log"), "a", 0o600);
    const start = (await log.stat()).size;
    const child = spawnGuarded({ command, folder: this.folder, log, signal: "KILL" });
    let failed: Error | undefined;
    child.once("error", (error) => (failed = error));
    await log.close();
    const patience = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < patience) {
      const said = (await this.#said()).slice(start);
      if (said.includes("ready for connections")) return undefined;
      if (failed) return failed.message;
      if (child.exitCode !== null || child.signalCode !== null) break;
      await delay(10);
    }
    return (await this.#said()).slice(start).split("\n").slice(-12).join("\n");
  }
}
