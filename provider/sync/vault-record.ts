import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.js";
import { CoffreError, isCoffreError } from "../core/errors.js";
import { Secret } from "../core/secret.js";
import { isDead, newHolder } from "../rotation/holder.js";
import type { Credential, Lease, Vault } from "../vault/port.js";
import type { SyncRecord } from "./copy-store.js";
import { jobKey, type SyncJob } from "./job.js";
import { RECORD_CAUSE } from "./mark.js";

/** Long enough for a batch at a slow server, short enough to wait for after a machine died. */
const LEASE_SECONDS = 120;
const NOTE =
  "Kept by `coffre sync`: how far it has come. It holds no secret; without it the next sync looks at everything.";

/** The entry in which a vault keeps what it knows of a job, and by whose lease one run at a time has it. */
export class VaultRecord {
  readonly #vault: Vault;
  readonly #job: SyncJob;
  readonly #clock: Clock;
  readonly #holder = newHolder();
  #id: string | undefined;
  #lease: Lease | undefined;

  constructor(vault: Vault, job: SyncJob, clock: Clock) {
    this.#vault = vault;
    this.#job = job;
    this.#clock = clock;
  }

  /** What is remembered; `undefined` if nothing is. */
  async read(): Promise<SyncRecord | undefined> {
    const credential = await this.#find();
    return credential && parseTags(credential.tags);
  }

  async #find(): Promise<Credential | undefined> {
    this.#id ??= await this.#vault.findOwned("credential", this.#owner.key);
    return this.#id === undefined ? undefined : this.#vault.readCredential(this.#id);
  }

  /** @throws CoffreError LOCKED while another run is at it; CONFLICT if somebody has taken the record's name */
  async hold(): Promise<void> {
    this.#id ??= (await this.#find())?.id ?? (await this.#create()).id;
    if (this.#lease && Date.parse(this.#lease.expiresAt) - this.#clock.now().getTime() > (LEASE_SECONDS * 1000) / 2) {
      return;
    }
    await this.#acquire(this.#id, this.#lease?.fencing);
  }

  async #acquire(id: string, takeOver: number | undefined): Promise<void> {
    const request = { holder: this.#holder, ttlSeconds: LEASE_SECONDS };
    try {
      const { lease } = await this.#vault.acquireLease(id, takeOver === undefined ? request : { ...request, takeOver });
      const renewed = this.#lease === undefined || lease.fencing === this.#lease.fencing + 1;
      this.#lease = lease;
      if (!renewed) throw running(this.#job);
    } catch (error) {
      if (!isCoffreError(error, "LOCKED")) throw error;
      const { holder, fencing, expiresAt } = error.details;
      const isDeads =
        this.#lease === undefined && takeOver === undefined && typeof holder === "string" && isDead(holder);
      if (!isDeads || typeof fencing !== "number") throw running(this.#job, expiresAt);
      await this.#acquire(id, fencing);
    }
  }

  async #create(): Promise<Credential> {
    const { source } = this.#job;
    const digest = createHash("sha256").update(jobKey(this.#job)).digest("hex").slice(0, 8);
    const [made] = await this.#vault.createCredentials([
      {
        name: `coffre sync from ${source.name} (${digest})`,
        categoryId: null,
        description: NOTE,
        valueManagedBy: "external",
        owner: this.#owner,
        initial: { value: new Secret(NOTE), causes: [RECORD_CAUSE] },
      },
    ]);
    if (!made) throw new CoffreError("BAD_RESPONSE", "The vault made no record of the sync");
    return made;
  }

  get #owner() {
    const key = jobKey(this.#job);
    return { key: `${key}/record`, stack: "coffre-sync/records", token: `${key}/record` };
  }

  /** @throws CoffreError LOCKED if another run has taken over */
  async write(record: SyncRecord): Promise<void> {
    await this.hold();
    if (this.#id === undefined) return;
    await this.#vault.updateCredential(this.#id, { token: this.#owner.token, tags: tagsOf(record) });
  }

  /** Lets the next run in. Never throws: the lease runs out by itself. */
  async release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease) await this.#vault.record(lease, [{ step: "release" }]).catch(() => undefined);
  }
}

/** Tags are what an entry has that keeps no history of its own. */
function tagsOf({ prefix, seen }: SyncRecord): string[] {
  return [`prefix=${prefix.join("/")}`, `seen=${seen.restoreCounter}:${seen.headProof}`];
}

/** A record that somebody has changed by hand is none: the next run looks at everything. */
function parseTags(tags: readonly string[]): SyncRecord | undefined {
  const of = (name: string) => tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1);
  const prefix = of("prefix");
  const [, restoreCounter, headProof] = /^(\d+):(\d+:[0-9a-f]+)$/.exec(of("seen") ?? "") ?? [];
  if (prefix === undefined || restoreCounter === undefined || headProof === undefined) return undefined;
  return {
    prefix: prefix === "" ? [] : prefix.split("/"),
    seen: { restoreCounter: Number(restoreCounter), headProof },
  };
}

function running({ source }: SyncJob, expiresAt?: string | number | boolean): CoffreError {
  const until = expiresAt === undefined ? "" : `; if it has died on another machine, from ${String(expiresAt)} on`;
  return new CoffreError("LOCKED", `Another sync from vault ${source.name} into this place is running`, {
    hint: `Run it again when that one has ended${until}.`,
  });
}
