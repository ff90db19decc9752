import type { Vault, VaultEvent } from "../../vault/port.js";

/** What has an integer id in LockSelf, by the prefix of its id in the vault. */
export type NumberedKind = "cr_" | "ct_" | "us_" | "gp_";

const KINDS: readonly string[] = ["cr_", "ct_", "us_", "gp_"] satisfies NumberedKind[];
/** Events after which an entry has another `modificationDate`. */
const CHANGES: ReadonlySet<string> = new Set([
  "credential.created",
  "credential.updated",
  "credential.unarchived",
  "field.put",
  "field.declared",
  "field.removed",
  "rotation.promoted",
]);

/**
 * LockSelf's integer ids. The id of an entry is the number of the event that created it: it ascends, is never given
 * twice, and follows from the vault's own log, so that nothing else has to be kept, saved or restored with it.
 *
 * Of a vault that was restored the log is shorter, and its numbers come again; so a restore adds its time, in seconds, to
 * all that come after it. What a restore carried over from the newer vault gets ids just below that time.
 */
export class EntryNumbers {
  readonly #vault: Pick<Vault, "listEvents">;
  readonly #numberOf = new Map<string, number>();
  readonly #idOf = new Map<number, string>();
  readonly #changedAt = new Map<string, string>();
  #era = 0;
  #seq = 0;
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;

  constructor(vault: Pick<Vault, "listEvents">) {
    this.#vault = vault;
  }

  /** Reads what the log has got since. Whoever calls it knows everything that was written before the call. */
  catchUp(): Promise<void> {
    // A scan that hasn't begun yet sees what this caller wrote, so that it can be shared.
    this.#waiting ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#waiting = undefined;
        this.#running = this.#scan();
        return this.#running;
      });
    return this.#waiting;
  }

  /** The number of an entry that exists. */
  async numberOf(id: string): Promise<number> {
    if (!this.#numberOf.has(id)) await this.catchUp();
    return this.known(id);
  }

  /** The number, if {@link catchUp} has seen the entry. */
  peek(id: string): number | undefined {
    return this.#numberOf.get(id);
  }

  /** The number of an entry that {@link catchUp} has seen. */
  known(id: string): number {
    const number = this.peek(id);
    if (number === undefined) throw new Error(`no event in the log created ${id}`);
    return number;
  }

  /** The id of the entry of this kind with this number; it may be gone by now. */
  async idOf(kind: NumberedKind, number: number | undefined): Promise<string | undefined> {
    if (number === undefined) return undefined;
    if (!this.#idOf.has(number)) await this.catchUp();
    const id = this.#idOf.get(number);
    return id?.startsWith(kind) === true ? id : undefined;
  }

  /** When the entry was last changed, as far as {@link catchUp} has seen: ISO 8601, UTC. */
  changedAt(id: string): string | undefined {
    return this.#changedAt.get(id);
  }

  async #scan(): Promise<void> {
    for await (const event of this.#vault.listEvents({ after: this.#seq })) {
      this.#take(event);
      this.#seq = event.seq;
    }
  }

  #take({ seq, at, action, ids }: VaultEvent): void {
    if (action === "vault.restored") {
      this.#era = Math.floor(Date.parse(at) / 1_000);
      const unknown = ids.filter((id) => isNumbered(id) && !this.#numberOf.has(id));
      for (const [index, id] of unknown.entries()) this.#give(id, this.#era - 1 - index);
    } else if (action.endsWith(".created")) {
      const [created = ""] = ids; // others are what it has to do with
      if (isNumbered(created)) this.#give(created, this.#era + seq);
    }
    if (CHANGES.has(action)) for (const id of ids) this.#changedAt.set(id, at);
  }

  #give(id: string, number: number): void {
    if (this.#numberOf.has(id)) return;
    this.#numberOf.set(id, number);
    this.#idOf.set(number, id);
  }
}

function isNumbered(id: string): boolean {
  return KINDS.includes(id.slice(0, 3));
}
