import { DocumentVault } from "../documents/document-vault.js";
import { DocumentRows } from "../documents/rows.js";
import type { Capabilities } from "../port.js";
import type { RecordVaultOptions } from "../records/record-vault.js";
import { Api, type ApiOptions } from "./api.js";
import { LockselfEntries } from "./entries.js";
import { Http, type HttpOptions } from "./http.js";
import { LayoutFinder } from "./layout.js";
import { Revisions } from "./revisions.js";
import { LockselfStore } from "./store.js";
import { Texts } from "./texts.js";

/** How long an entry that was created may take to be seen in lists: what is given to others who ask at the same moment. */
export const SETTLE_MS = 1_000;

/** Where the vault is, and who asks. */
export interface LockselfPlace {
  http: HttpOptions;
  api: ApiOptions;
  /** Names from a shared space down to the category that is the vault's root. */
  space: readonly string[];
}

export interface LockselfVaultOptions extends LockselfPlace, RecordVaultOptions {}

/** A vault in LockSelf. */
export class LockselfVault extends DocumentVault {
  override readonly capabilities: Capabilities = {
    versions: true,
    compareAndSet: false,
    grants: "declared",
    dropBoxes: false,
    events: "server",
  };
  readonly #parts: Connected;

  constructor(options: LockselfVaultOptions) {
    const parts = connect(options);
    const rows = new DocumentRows(parts.store, new LockselfEntries(parts));
    super(rows, options);
    this.#parts = parts;
  }

  /** How many requests this process has sent to the server. */
  get requests(): number {
    return this.#parts.http.requests;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#parts.kv.close();
    await this.#parts.http.close();
  }
}

export interface Connected {
  http: Http;
  api: Api;
  layout: LayoutFinder;
  kv: Revisions;
  texts: Texts;
  store: LockselfStore;
}

/** The parts below the rows. */
export function connect({ http: httpOptions, api: apiOptions, space }: LockselfPlace): Connected {
  const http = new Http(httpOptions);
  const api = new Api(http, apiOptions);
  const layout = new LayoutFinder(api, space);
  const kv = new Revisions(api, layout);
  const texts = new Texts(api);
  const store = new LockselfStore({ api, texts, layout, kv });
  return { http, api, layout, kv, texts, store };
}

/** The vault in a category of LockSelf. Returns at once: the server is asked by the first call. */
export function openLockselfVault(options: LockselfVaultOptions): LockselfVault {
  return new LockselfVault(options);
}
