import type { Vault, VaultEvent } from "../../vault/port.js";
import { type Checkpoint, type IndexedEntry, type LogIndex, type LogSpan, SPAN_EVENTS } from "./log-index.js";

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
 * twice, and follows from the vault's own log, so that nothing has to be saved or restored with it. What was learnt from
 * the log stands in the server's file, span by span; in memory is what came since the last whole one.
 *
 * Of a vault that was restored the log is shorter, and its numbers come again; so a restore adds its time, in seconds, to
 * all that come after it. What a restore carried over from the newer vault gets ids just below that time.
 */
export class EntryNumbers {
  readonly #vault: LogSource;
  readonly #index: LogIndex;
  /** Since the checkpoint. */
  readonly #entries = new Map<string, IndexedEntry>();
  readonly #idOf = new Map<number, string>();
  #spans: LogSpan[] = [];
  /** How far the index has come; `undefined` until it was looked at. */
  #checkpoint: Checkpoint | undefined;
  #era = 0;
  #seq = 0;
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;

  constructor(vault: LogSource, index: LogIndex) {
    this.#vault = vault;
    this.#index = index;
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
    if (this.peek(id) === undefined) await this.catchUp();
    return this.known(id);
  }

  /** The number, if {@link catchUp} has seen the entry. */
  peek(id: string): number | undefined {
    return this.#entry(id)?.number;
  }

  /** The number of an entry that {@link catchUp} has seen. */
  known(id: string): number {
    const number = this.peek(id);
    if (number === undefined) throw new Error(`no event in the log created ${id}`);
    return number;
  }

  /** These in the order of their numbers; {@link catchUp} has seen all of them. */
  inOrder<T extends { id: string }>(found: readonly T[]): T[] {
    return found
      .map((one) => ({ one, number: this.known(one.id) }))
      .sort((left, right) => left.number - right.number)
      .map(({ one }) => one);
  }

  /** The id of the entry of this kind with this number; it may be gone by now. */
  async idOf(kind: NumberedKind, number: number | undefined): Promise<string | undefined> {
    if (number === undefined) return undefined;
    if (this.#known(number) === undefined) await this.catchUp();
    const id = this.#known(number);
    return id?.startsWith(kind) === true ? id : undefined;
  }

  /** When the entry was last changed, as far as {@link catchUp} has seen: ISO 8601, UTC. */
  changedAt(id: string): string | undefined {
    return this.#entry(id)?.changedAt || undefined;
  }

  /** The log in spans, oldest first, as far as {@link catchUp} has seen it. The last one may be shorter than the others. */
  *spans(): Iterable<LogSpan> {
    const since = [...this.#spans];
    if (this.#checkpoint) yield* this.#index.spans(this.#checkpoint);
    yield* since;
  }

  #entry(id: string): IndexedEntry | undefined {
    return this.#entries.get(id) ?? this.#index.entry(id);
  }

  #known(number: number): string | undefined {
    return this.#idOf.get(number) ?? this.#index.idOf(number);
  }

  async #scan(): Promise<void> {
    if (!this.#checkpoint) await this.#resume();
    const { head, headProof } = await this.#vault.identity();
    for await (const event of this.#vault.listEvents({ after: this.#seq, limit: head - this.#seq })) {
      this.#take(event);
      this.#seq = event.seq;
      if (event.seq % SPAN_EVENTS === 0) await this.#keep(headProof);
    }
  }

  /** Goes on where the index ends, or at the beginning if it is another log's: that of the vault before a restore. */
  async #resume(): Promise<void> {
    const kept = this.#index.checkpoint();
    const [isOurs] = kept ? await this.#vault.hasHeads([kept.proof]) : [];
    if (!isOurs) await this.#index.clear();
    const from = kept && isOurs ? kept : { seq: 0, era: 0, proof: "" };
    this.#checkpoint = from;
    this.#era = from.era;
    this.#seq = from.seq;
  }

  async #keep(proof: string): Promise<void> {
    const reached = { seq: this.#seq, era: this.#era, proof };
    await this.#index.advance(reached, this.#spans, this.#entries);
    this.#checkpoint = reached;
    this.#spans = [];
    this.#entries.clear();
    this.#idOf.clear();
  }

  #take({ seq, at, action, ids }: VaultEvent): void {
    this.#addToSpan(seq, Date.parse(at));
    if (action === "vault.restored") {
      this.#era = Math.floor(Date.parse(at) / 1_000);
      const unknown = ids.filter((id) => isNumbered(id) && !this.#entry(id));
      for (const [index, id] of unknown.entries()) this.#give(id, this.#era - 1 - index);
    } else if (action.endsWith(".created")) {
      const [created = ""] = ids; // others are what it has to do with
      if (isNumbered(created)) this.#give(created, this.#era + seq);
    }
    if (!CHANGES.has(action)) return;
    for (const id of ids) {
      const entry = this.#entry(id);
      if (entry) this.#entries.set(id, { ...entry, changedAt: at });
    }
  }

  #addToSpan(seq: number, at: number): void {
    const span = this.#spans.at(-1);
    if (!span || span.last % SPAN_EVENTS === 0) this.#spans.push({ first: seq, last: seq, from: at, to: at });
    else this.#spans.splice(-1, 1, { ...span, last: seq, from: Math.min(span.from, at), to: Math.max(span.to, at) });
  }

  #give(id: string, number: number): void {
    if (this.#entry(id)) return;
    this.#entries.set(id, { number, changedAt: "" });
    this.#idOf.set(number, id);
  }
}

/** The vault, as far as its log is concerned. */
export type LogSource = Pick<Vault, "identity" | "hasHeads" | "listEvents">;

function isNumbered(id: string): boolean {
  return KINDS.includes(id.slice(0, 3));
}
