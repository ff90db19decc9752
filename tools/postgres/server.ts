import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, isAlive, signal, spawnGuarded, spawnServer } from "../servers/guarded.ts";
import { findBinaries } from "./binaries.ts";
import { createAuthority } from "./certificates.ts";
import { type Account, canPass, passableFolder, privateFolder, unprivilegedAccount } from "./unprivileged.ts";

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;
const PORT_ATTEMPTS = 5;

/** How a server is to be; everything has a default that suits tests. */
export interface ServerOptions {
  /**
   * Folder that keeps the database from one run to the next. Default: a temporary one, without fsync, that is removed at
   * stop and whose server ends with this process, even if that is killed.
   */
  readonly folder?: string;
  /** Superuser `postgres`'s password. Default: a random one at the first start. */
  readonly password?: string;
  /** Port on 127.0.0.1. Default: a free one; a kept database takes its last one again. */
  readonly port?: number;
  /** Server settings by name, for example `{ max_connections: "20" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf that come before the last one, which asks everybody for SCRAM. */
  readonly hba?: readonly string[];
  /** Serve TLS with a certificate for these hosts, by an authority of the server's own. `true`: 127.0.0.1 and localhost. */
  readonly tls?: true | readonly string[];
  /** Told what a person should know, for example that data lies elsewhere than asked. */
  readonly say?: (line: string) => void;
}

/** What a client needs to log in as the superuser; the shape that `pg` takes. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Starts a real PostgreSQL server on loopback, where every login is asked for SCRAM unless `hba` says otherwise. */
export async function startPostgres(options: ServerOptions = {}): Promise<PostgresServer> {
  const say = options.say ?? (() => {});
  const account = unprivilegedAccount();
  const binaries = await findBinaries(account, say);
  const folder = await chooseFolder(options.folder, account, say);
  const server = new PostgresServer(folder, binaries, account, options);
  await server.initialise();
  await server.start();
  return server;
}

async function chooseFolder(wanted: string | undefined, account: Account | undefined, say: (line: string) => void) {
  if (wanted === undefined) {
    const parent = (await canPass(tmpdir(), account)) ? tmpdir() : "/var/tmp";
    return join(parent, `coffre-postgres-${randomBytes(6).toString("hex")}`);
  }
  if (await canPass(join(wanted, ".."), account)) return wanted;
  const instead = passableFolder(wanted);
  say(`PostgreSQL runs as \`${account?.name ?? ""}\`, which can't reach ${wanted}: its data is in ${instead}.`);
  return instead;
}

/** A PostgreSQL server of our own. Made by {@link startPostgres}. */
export class PostgresServer {
  readonly host = "127.0.0.1";
  readonly user = "postgres";
  /** Superuser's password; empty for a kept database whose password wasn't given. */
  password: string;
  port: number;
  /** Holds everything of this server: `data`, `server.log`, keys. */
  readonly folder: string;
  readonly dataFolder: string;
  /** The server's log, with every connection and refused login. */
  readonly logFile: string;
  /** The folder of initdb, pg_ctl and postgres. */
  readonly binaries: string;
  /** Certificate of the server's authority, PEM, if it serves TLS. */
  authorityCertificate: string | undefined;
  private readonly account: Account | undefined;
  private readonly options: ServerOptions;
  private readonly kept: boolean;

  constructor(folder: string, binaries: string, account: Account | undefined, options: ServerOptions) {
    this.folder = folder;
    this.dataFolder = join(folder, "data");
    this.logFile = join(folder, "server.log");
    this.binaries = binaries;
    this.account = account;
    this.options = options;
    this.kept = options.folder !== undefined;
    this.password = options.password ?? "";
    this.port = options.port ?? 0;
  }

  /** The superuser's connection to a database. */
  connection(database = "postgres"): Connection {
    return { host: this.host, port: this.port, user: this.user, password: this.password, database };
  }

  /** Makes the database cluster if there is none yet. */
  async initialise(): Promise<void> {
    await privateFolder(this.folder, this.account);
    if (!(await exists(join(this.dataFolder, "PG_VERSION")))) await this.initdb();
    await this.writeHba(this.options.hba ?? []);
    if (this.options.tls)
      await this.writeCertificates(this.options.tls === true ? ["127.0.0.1", "localhost"] : this.options.tls);
  }

  /** Starts the server and waits until it takes connections; a kept one that already runs is taken as it is. */
  async start(): Promise<void> {
    const running = await this.status();
    if (running) {
      this.port = running.port;
      return;
    }
    const wanted = this.port || (this.kept ? await this.lastPort() : 0);
    for (let attempt = 1; ; attempt++) {
      const fixed = wanted !== 0 && attempt === 1;
      this.port = fixed ? wanted : await freePort();
      const problem = await this.launch();
      if (problem === undefined) break;
      const taken = /address already in use/i.test(problem);
      if (!taken || attempt === PORT_ATTEMPTS || (fixed && this.options.port))
        throw new Error(`PostgreSQL did not start on 127.0.0.1:${String(this.port)}:\n${problem}`);
      if (fixed) this.options.say?.(`Port ${String(wanted)} is taken by another program: PostgreSQL takes a new one.`);
    }
    if (this.kept) await writeFile(join(this.folder, "port"), `${String(this.port)}\n`);
  }

  /** Stops the server: sessions are ended, what is committed stays. A temporary one is gone after `remove()`. */
  async stop(): Promise<void> {
    await this.end(this.kept ? "SIGINT" : "SIGQUIT");
    await rm(join(this.dataFolder, "postmaster.pid"), { force: true }); // an immediate stop leaves it
  }

  /** Stops the server and deletes its data. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Replaces the lines of pg_hba.conf that come before the last one; new connections follow them. */
  async setHba(lines: readonly string[]): Promise<void> {
    await this.writeHba(lines);
    const running = await this.status();
    if (running) signal(running.pid, "SIGHUP");
    await delay(100); // the server re-reads its files on its own time
  }

  /** Freezes the server: it takes connections and answers nothing, until `resume()`. */
  async pause(): Promise<void> {
    signal((await this.required()).pid, "SIGSTOP");
  }

  async resume(): Promise<void> {
    signal((await this.required()).pid, "SIGCONT");
  }

  /** Restarts the server as a standby that follows nobody: it takes logins and only reads. */
  async becomeStandby(): Promise<void> {
    await this.end("SIGINT"); // a clean end, which a standby needs to be consistent at once
    await this.writePrivate(join(this.dataFolder, "standby.signal"), "");
    await this.start();
  }

  /** The process that serves, and its port; `undefined` while the server doesn't run. */
  async status(): Promise<{ pid: number; port: number } | undefined> {
    const lines = (await readFile(join(this.dataFolder, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
    const [pid, port] = [Number(lines[0]), Number(lines[3])];
    if (!pid || lines[1] !== this.dataFolder || !isAlive(pid)) return undefined;
    return lines[7]?.trim() === "ready" || lines[7]?.trim() === "standby" ? { pid, port } : undefined;
  }

  /** The log so far. */
  log(): Promise<string> {
    return readFile(this.logFile, "utf8").catch(() => "");
  }

  /** How many logins the server has refused for their password, of one role or of all. */
  async refusedLogins(role?: string): Promise<number> {
    const refusals = (await this.log()).matchAll(/FATAL: {2}password authentication failed for user "(.*)"/g);
    return [...refusals].filter(([, user]) => role === undefined || user === role).length;
  }

  private async end(how: NodeJS.Signals): Promise<void> {
    const running = await this.status();
    if (!running) return;
    signal(running.pid, "SIGCONT"); // in case it is paused
    signal(running.pid, how);
    const patience = Date.now() + STOP_TIMEOUT_MS;
    while (isAlive(running.pid)) {
      if (Date.now() > patience) throw new Error(`PostgreSQL (process ${String(running.pid)}) does not stop.`);
      await delay(20);
    }
  }

  private async required() {
    const running = await this.status();
    if (!running) throw new Error("PostgreSQL does not run.");
    return running;
  }

  private async initdb(): Promise<void> {
    this.password ||= randomBytes(18).toString("base64url");
    const passwordFile = join(this.folder, "initial-password");
    await this.writePrivate(passwordFile, `${this.password}\n`);
    const args = ["-D", this.dataFolder, "-U", this.user, "-A", "scram-sha-256", `--pwfile=${passwordFile}`];
    try {
      await promisify(execFile)(
        join(this.binaries, "initdb"),
        [...args, "-E", "UTF8", "--locale=C", ...(this.kept ? [] : ["--no-sync"])],
        { ...this.identity(), cwd: this.folder, env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } },
      );
    } finally {
      await rm(passwordFile, { force: true });
    }
  }

  private identity() {
    return this.account ? { uid: this.account.uid, gid: this.account.gid } : {};
  }

  /** Starts the process. @returns the last lines of its log if it ended instead of serving. */
  private async launch(): Promise<string | undefined> {
    const settings: Record<string, string> = {
      listen_addresses: this.host,
      port: String(this.port),
      unix_socket_directories: "",
      log_connections: "on",
      lc_messages: "C",
      shared_buffers: "16MB",
      ...(this.kept ? {} : { fsync: "off", full_page_writes: "off" }),
      ...(this.options.tls ? this.tlsSettings() : {}),
      ...this.options.settings,
    };
    const command = [join(this.binaries, "postgres"), "-D", this.dataFolder];
    for (const [key, value] of Object.entries(settings)) command.push("-c", `${key}=${value}`);
    const log = await open(this.logFile, "a", 0o600);
    const start = (await log.stat()).size;
    const where = { folder: this.folder, log, identity: this.identity() };
    const child = this.kept
      ? spawnServer(command, { ...where, stdin: "ignore" })
      : spawnGuarded({ command, ...where, signal: "QUIT" });
    let failed: Error | undefined;
    child.once("error", (error) => (failed = error));
    await log.close();
    const patience = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < patience) {
      if (await this.status()) return undefined;
      if (failed) return failed.message;
      if (child.exitCode !== null || child.signalCode !== null) break;
      await delay(15);
    }
    return (await this.log()).slice(start).split("\n").slice(-12).join("\n");
  }

  private async lastPort(): Promise<number> {
    return Number(await readFile(join(this.folder, "port"), "utf8").catch(() => "0"));
  }

  private async writeHba(lines: readonly string[]): Promise<void> {
    const last = ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"];
    await this.writePrivate(join(this.dataFolder, "pg_hba.conf"), [...lines, ...last, ""].join("\n"));
  }

  private async writeCertificates(hosts: readonly string[]): Promise<void> {
    const authority = createAuthority();
    const { certificate, key } = authority.issue({ commonName: hosts[0] ?? this.host, hosts });
    this.authorityCertificate = authority.certificate;
    await this.writePrivate(join(this.folder, "authority.pem"), authority.certificate);
    await this.writePrivate(join(this.folder, "server.pem"), certificate);
    await this.writePrivate(join(this.folder, "server.key"), key);
  }

  private tlsSettings() {
    return {
      ssl: "on",
      ssl_ca_file: join(this.folder, "authority.pem"),
      ssl_cert_file: join(this.folder, "server.pem"),
      ssl_key_file: join(this.folder, "server.key"),
    };
  }

  private async writePrivate(path: string, text: string): Promise<void> {
    await writeFile(path, text, { mode: 0o600 });
    if (this.account) await chown(path, this.account.uid, this.account.gid);
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
