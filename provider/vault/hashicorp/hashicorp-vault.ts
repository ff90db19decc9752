import type { RecordVaultOptions } from "../records/record-vault.js";
import type { Capabilities } from "../port.js";
import { Entries } from "./entries.js";
import { Kv } from "./kv.js";
import { Login, type LoginOptions } from "./login.js";
import { Paths } from "./paths.js";
import { DocumentVault } from "../documents/document-vault.js";
import { DocumentRows } from "../documents/rows.js";
import { Server, type ServerOptions } from "./server.js";
import { Store } from "../documents/store.js";

/** Where the vault is, and how Coffre logs in. */
export interface HashicorpPlace {
  server: ServerOptions;
  /** Path of a KV version 2 engine, for example `secret` or `team/kv`. */
  mount: string;
  /** Folders in the mount below which the vault lies; empty for the mount itself. */
  root: readonly string[];
  login: LoginOptions;
}

export interface HashicorpVaultOptions extends HashicorpPlace, RecordVaultOptions {}

/** A vault in a KV version 2 engine of HashiCorp Vault or OpenBao. */
export class HashicorpVault extends DocumentVault {
  override readonly capabilities: Capabilities = {
    versions: true,
    compareAndSet: true,
    grants: "declared",
    dropBoxes: false,
    events: "server",
  };
  readonly #server: Server;
  /** The engine itself, for copies that a sync keeps beside the vault's own documents; after the first call of the port. */
  readonly engine: { kv: Kv; paths: Paths };

  constructor(options: HashicorpVaultOptions) {
    const { server, kv, paths, store } = connect(options);
    const rows = new DocumentRows(store, new Entries(store, kv, paths));
    super(rows, options);
    this.#server = server;
    this.engine = { kv, paths };
  }

  /** How many requests this process has sent to the server. */
  get requests(): number {
    return this.#server.requests;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#server.close();
  }
}

/** The parts below the rows. */
export function connect({ server: options, mount, root, login }: HashicorpPlace): {
  server: Server;
  kv: Kv;
  paths: Paths;
  store: Store;
} {
  const server = new Server(options);
  const kv = new Kv(server, new Login(server, login), mount);
  const paths = new Paths(root);
  const store = new Store(kv, paths, async () => {
    await server.findActive();
    await kv.checkMount();
  });
  return { server, kv, paths, store };
}

/** The vault in a KV engine. Returns at once: the server is asked by the first call. */
export function openHashicorpVault(options: HashicorpVaultOptions): HashicorpVault {
  return new HashicorpVault(options);
}
