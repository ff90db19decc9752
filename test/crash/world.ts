import { randomBytes } from "node:crypto";
import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, escapeIdentifier, escapeLiteral, Pool } from "pg";
import { Secret } from "../../provider/core/secret.js";
import { writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import type { Credential, CredentialInput, Vault } from "../../provider/vault/port.js";
import { type LinuxHosts, startHosts } from "../../tools/linux-hosts/hosts.ts";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";
import type { System } from "./system.ts";
import { isMadeOf } from "./verifier.ts";
import { MARIADB_ADMIN, type Mariadb, startCrashMariadb } from "./mariadb.ts";
import { newKeyPair } from "../../tools/linux-hosts/key-pair.ts";
import { type ProvenVault, VAULT_NAME, type VaultKind, type VaultMaker, type VaultOpening, VAULTS } from "./vaults.ts";

/** One vault, one PostgreSQL and one admin, which all points of a proof share; each point has accounts of its own. */
export class World {
  readonly folder: string;
  readonly server: PostgresServer;
  /** A superuser, whose password the vault has. */
  adminRef = "";
  /** The same one's password in a file. */
  readonly adminFile: string;
  /** Where further vaults of the same kind are made. */
  readonly vaults: VaultMaker;
  readonly #proven: ProvenVault;
  readonly #sql: Pool;
  #machines: Promise<Machines> | undefined;
  #mariadb: Promise<Mariadb> | undefined;

  private constructor(folder: string, server: PostgresServer, vaults: VaultMaker, proven: ProvenVault) {
    this.folder = folder;
    this.server = server;
    this.vaults = vaults;
    this.#proven = proven;
    this.adminFile = join(folder, "admin-password");
    this.#sql = new Pool({ ...server.connection(), max: 4 });
    this.#sql.on("error", () => {}); // the server's end
  }

  static async create(kind: VaultKind): Promise<World> {
    const folder = await mkdtemp(join(await fastFolder(), "coffre-crash-"));
    const server = await startPostgres({ settings: { max_connections: "200" } });
    const vaults = await VAULTS[kind]();
    const world = new World(folder, server, vaults, await vaults.make(folder));
    const { id } = await world.addAdmin("crash_admin", world.adminFile);
    world.adminRef = world.referenceTo(id);
    return world;
  }

  /** The controller's handle. */
  get vault(): Vault {
    return this.#proven.vault;
  }

  /** Where the vault listens, if it is a server. */
  get vaultAddress(): { host: string; port: number } | undefined {
    return this.#proven.address;
  }

  /** The vault's server, if that is its own. */
  get vaultServer(): ProvenVault["server"] {
    return this.#proven.server;
  }

  /** How a process opens the vault. */
  get opening(): VaultOpening {
    return this.#proven.opening;
  }

  referenceTo(id: string): string {
    return `coffre://${VAULT_NAME}/id/${id}`;
  }

  /** A superuser with a password that the vault has, and a file too if one is named. */
  async addAdmin(name: string, file?: string): Promise<Credential> {
    const password = randomBytes(18).toString("base64url");
    await this.sql(`CREATE ROLE ${escapeIdentifier(name)} SUPERUSER LOGIN PASSWORD ${escapeLiteral(password)}`);
    if (file !== undefined) writeKeyFile(file, new Secret(password));
    return this.add({ name, username: name, initial: { value: new Secret(password), causes: [] } });
  }

  async add(input: Partial<CredentialInput> & { name: string }): Promise<Credential> {
    const [credential] = await this.vault.createCredentials([{ categoryId: null, ...input }]);
    if (!credential) throw new Error("the vault made no credential");
    return credential;
  }

  async sql<Row extends object = object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const { rows } = await this.#sql.query<Row>(text, values);
    return rows;
  }

  /** What the server keeps of each role's password; no entry for a role that doesn't exist. */
  async verifiers(roles: readonly string[]): Promise<Map<string, string | undefined>> {
    const rows = await this.sql<{ rolname: string; rolpassword: string | null }>(
      "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = ANY($1)",
      [roles],
    );
    return new Map(rows.map(({ rolname, rolpassword }) => [rolname, rolpassword ?? undefined]));
  }

  /** A plain login by another client than Coffre's. */
  async logsIn(user: string, password: string): Promise<boolean> {
    const client = new Client({ ...this.server.connection(), user, password });
    client.on("error", () => {});
    try {
      await client.connect();
      return true;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "28P01") return false;
      throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** The PostgreSQL that all points share. */
  get database(): System {
    return {
      address: { host: this.server.host, port: this.server.port },
      verifiers: (users) => this.verifiers(users),
      isMadeOf,
      logsIn: (user, password) => this.logsIn(user, password),
      refusedLogins: (user) => this.server.refusedLogins(user),
      close: async () => {},
    };
  }

  /** Machines for points, and the key of their admin. */
  machines(): Promise<Machines> {
    return (this.#machines ??= this.#startMachines());
  }

  /** The MariaDB that all points share. */
  mariadb(): Promise<Mariadb> {
    return (this.#mariadb ??= startCrashMariadb(this));
  }

  /** Refused logins of the admins that points share. */
  async refusedAdmins(): Promise<number> {
    const mariadb = await this.#mariadb;
    const [one, other] = await Promise.all([
      this.server.refusedLogins("crash_admin"),
      mariadb?.server.refusedLogins(MARIADB_ADMIN) ?? 0,
    ]);
    return one + other;
  }

  async #startMachines(): Promise<Machines> {
    const key = newKeyPair();
    const keyFile = join(this.folder, "machine-key");
    writeKeyFile(keyFile, new Secret(key.private));
    return { hosts: await startHosts({ count: 0 }), publicKey: key.public, keyFile };
  }

  async close(): Promise<void> {
    await (await this.#machines)?.hosts.stop();
    await (await this.#mariadb)?.server.remove();
    await this.#sql.end();
    await this.vault.close();
    await this.vaults.close();
    await this.server.remove();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export interface Machines {
  hosts: LinuxHosts;
  publicKey: string;
  /** File with the private key. */
  keyFile: string;
}

/** In memory where there is such a place: a killed process, unlike a machine without power, loses nothing that it wrote. */
async function fastFolder(): Promise<string> {
  const shared = "/dev/shm";
  return access(shared, constants.W_OK).then(
    () => shared,
    () => tmpdir(),
  );
}
