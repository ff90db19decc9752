import * as z from "zod";
import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { isDead, newHolder } from "../rotation/holder.js";
import { CasConflict } from "../vault/hashicorp/failures.js";
import type { Kv } from "../vault/hashicorp/kv.js";
import type { SyncRecord } from "./copy-store.js";
import { overtaken } from "./kv-ledger.js";

/** As in a vault of Coffre's own. */
const LEASE_SECONDS = 120;

const Document = z.object({
  format: z.literal(1),
  /** For people who find it. */
  from: z.string(),
  record: z
    .object({
      prefix: z.array(z.string()),
      seen: z.object({ restoreCounter: z.int(), headProof: z.string() }),
    })
    .optional(),
  lease: z.object({ holder: z.string(), expiresAt: z.iso.datetime() }).optional(),
});
type Document = z.infer<typeof Document>;

/** The document of a job: what it has seen of its source, and by whose lease one run at a time works. Written by `cas`. */
export class KvJob {
  readonly #kv: Kv;
  readonly #path: readonly string[];
  readonly #from: string;
  readonly #clock: Clock;
  readonly #holder = newHolder();
  #document: Document | undefined;
  #version = 0;

  /** @param from name of the source */
  constructor(kv: Kv, path: readonly string[], { from, clock }: { from: string; clock: Clock }) {
    this.#kv = kv;
    this.#path = path;
    this.#from = from;
    this.#clock = clock;
  }

  async read(): Promise<SyncRecord | undefined> {
    const { version, data } = await this.#kv.read(this.#path);
    this.#version = version;
    // One that a person has changed or hidden is none: the next run looks at everything.
    this.#document = Document.safeParse(data).data;
    return this.#document?.record;
  }

  /** True while this run has the job. */
  get isHeld(): boolean {
    return this.#document?.lease?.holder === this.#holder;
  }

  /** @throws CoffreError LOCKED while another run is at it, or if one has taken over */
  async hold(): Promise<void> {
    const now = this.#clock.now().getTime();
    const { lease } = this.#document ?? {};
    if (lease?.holder === this.#holder) {
      if (Date.parse(lease.expiresAt) - now > (LEASE_SECONDS * 1000) / 2) return;
      await this.#write(this.#document?.record);
      return;
    }
    await this.read();
    const held = this.#document?.lease;
    if (held && Date.parse(held.expiresAt) > now && !isDead(held.holder)) throw running(this.#from, held.expiresAt);
    await this.#write(this.#document?.record);
  }

  /** @throws CoffreError LOCKED if another run has taken over */
  note(record: SyncRecord): Promise<void> {
    return this.#write(record);
  }

  /** Lets the next run in. Never throws: the lease runs out by itself. */
  async release(): Promise<void> {
    if (!this.#document || !this.isHeld) return;
    const { lease: _lease, ...document } = this.#document;
    await this.#put(document).catch(() => undefined);
  }

  async #write(record: SyncRecord | undefined): Promise<void> {
    const expiresAt = new Date(this.#clock.now().getTime() + LEASE_SECONDS * 1000).toISOString();
    const lease = { holder: this.#holder, expiresAt };
    const kept = record && { prefix: [...record.prefix], seen: record.seen };
    await this.#put({ format: 1, from: this.#from, lease, ...(kept ? { record: kept } : {}) });
  }

  async #put(document: Document): Promise<void> {
    try {
      this.#version = await this.#kv.write(this.#path, document, this.#version);
    } catch (error) {
      throw error instanceof CasConflict ? overtaken(error) : error;
    }
    this.#document = document;
  }
}

function running(from: string, expiresAt: string): CoffreError {
  return new CoffreError("LOCKED", `Another sync from vault ${from} into this place is running`, {
    hint: `Run it again when that one has ended; if it has died on another machine, from ${expiresAt} on.`,
  });
}
