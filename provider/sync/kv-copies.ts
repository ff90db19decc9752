import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { limitConcurrency } from "../core/limit.js";
import { RESERVED } from "../vault/documents/documents.js";
import { CasConflict } from "../vault/hashicorp/failures.js";
import type { HashicorpVault } from "../vault/hashicorp/hashicorp-vault.js";
import type { Kept } from "../vault/documents/storage.js";
import type { Kv } from "../vault/hashicorp/kv.js";
import type { Paths } from "../vault/hashicorp/paths.js";
import type { VaultIdentity } from "../vault/port.js";
import type { Copy, CopyStore, HeldCopy, SyncRecord } from "./copy-store.js";
import { pathKey, type ReadValues, type SyncEntry } from "./entry.js";
import { jobKey, type SyncJob } from "./job.js";
import { type KvCopy, kvDocument, parseKvDocument } from "./kv-document.js";
import { KvJob } from "./kv-job.js";
import { KvLedger, type LedgerCopy } from "./kv-ledger.js";
import type { SyncStep } from "./plan.js";

/** Reads at a time, where many documents are looked at. */
const PARALLEL = 16;

/**
 * Copies in a KV version 2 engine of OpenBao or HashiCorp Vault, where machines read them by the server's own API: one
 * document an entry, written by `cas` in one request, and a ledger beside them. A document says itself what it is a
 * copy of, and the ledger what was begun, so that a kill between the two is seen.
 */
export class KvCopies implements CopyStore {
  readonly #vault: HashicorpVault;
  readonly #job: string;
  readonly #from: SyncJob["source"];
  readonly #clock: Clock;
  readonly #overwrite: boolean;
  #opened: { kv: Kv; paths: Paths; ledger: KvLedger; record: KvJob } | undefined;

  constructor(vault: HashicorpVault, job: SyncJob, { clock, overwrite }: { clock: Clock; overwrite: boolean }) {
    this.#vault = vault;
    this.#job = createHash("sha256").update(jobKey(job)).digest("hex").slice(0, 16);
    this.#from = job.source;
    this.#clock = clock;
    this.#overwrite = overwrite;
  }

  identity(): Promise<VaultIdentity> {
    return this.#vault.identity();
  }

  async #open() {
    if (this.#opened) return this.#opened;
    await this.#vault.identity(); // finds the active node and checks the mount
    const { kv, paths } = this.#vault.engine;
    const record = new KvJob(kv, paths.sync(this.#job, "job"), { from: this.#from.name, clock: this.#clock });
    this.#opened = { kv, paths, ledger: new KvLedger(kv, paths, this.#job), record };
    return this.#opened;
  }

  async record(): Promise<SyncRecord | undefined> {
    return (await this.#open()).record.read();
  }

  async begin(): Promise<void> {
    await (await this.#open()).record.hold();
  }

  async note(record: SyncRecord): Promise<void> {
    await (await this.#open()).record.note(record);
  }

  async hold(): Promise<void> {
    const { record, ledger } = await this.#open();
    await record.hold();
    await ledger.flush({ always: false });
  }

  async list(): Promise<Copy[]> {
    const { ledger, record } = await this.#open();
    if (record.isHeld) await ledger.flush({ always: true }); // a dry run writes nothing, whatever it has found
    const known = await ledger.load();
    const begun = known.filter((copy) => copy.begun !== undefined);
    const limit = limitConcurrency(PARALLEL);
    const doubles = await Promise.all(begun.map((copy) => limit(() => this.#settle(copy))));
    const settled = known.flatMap(({ id }) => ledger.get(id) ?? []).filter(({ version }) => version > 0);
    return [...settled, ...doubles.flat()].map(copyOf);
  }

  /**
   * What a run that ended here has left of a copy: the documents say it. The ledger is brought up to that.
   * @returns documents of the copy at places that it was about to leave
   */
  async #settle(copy: LedgerCopy): Promise<LedgerCopy[]> {
    const { ledger } = await this.#open();
    const { begun, ...known } = copy;
    const here = await this.#find(copy.id, copy.path);
    const there = begun?.to ? await this.#find(copy.id, begun.to) : undefined;
    if ((here.isChanged && known.version > 0) || there?.isChanged) return []; // by hand: what is written next is told so by its cas
    if (known.version > 0 && here.hidden > 0) ledger.remove(copy.id, copy.path, here.hidden);
    if (begun?.to && there?.found) {
      ledger.put({ ...known, path: begun.to, ...there.found });
      return here.found ? [{ ...known, ...here.found }] : [];
    }
    if (here.found) ledger.put({ ...known, ...here.found });
    else ledger.forget(copy.id);
    return [];
  }

  /** What the ledger would say of the copy of an entry at a path, or the version that is hidden there. */
  async #find(id: string, path: readonly string[]) {
    const { version, data, copy } = await this.#read(path);
    if (copy?.entryId !== id) return { hidden: data ? 0 : version, isChanged: data !== undefined };
    const { fingerprint, versions, intact } = copy;
    return { hidden: 0, isChanged: !intact, found: { version, fingerprint, versions: plainVersions(versions) } };
  }

  async #read(path: readonly string[]): Promise<Kept & { copy: KvCopy | undefined }> {
    const { kv, paths } = await this.#open();
    const kept = await kv.read(paths.entry(path));
    return { ...kept, copy: parseKvDocument(this.#job, kept.data) };
  }

  async taken(places: readonly (readonly string[])[]): Promise<Map<string, string>> {
    const { kv, paths } = await this.#open();
    const found = new Map<string, string>();
    const folders = Map.groupBy(places, (path) => pathKey(path.slice(0, -1)));
    const limit = limitConcurrency(PARALLEL);
    const look = async (path: readonly string[]) => {
      const { data, copy } = await this.#read(path);
      if (data && !copy) found.set(pathKey(path), kv.pathText(paths.entry(path)));
    };
    for (const [, wanted] of folders) {
      const names = new Set(await kv.list(paths.entry((wanted[0] ?? []).slice(0, -1))));
      const there = wanted.filter((path) => names.has(path.at(-1) ?? ""));
      await Promise.all(there.map((path) => limit(() => look(path))));
    }
    return found;
  }

  /** Writes down what is about to be done, in one request for a thousand entries. */
  async prepare(_entries: readonly SyncEntry[], steps: readonly SyncStep[]): Promise<void> {
    const { ledger } = await this.#open();
    for (const step of steps) {
      if (step.action === "create") {
        const { id, path } = step.entry;
        ledger.put({ id, path, version: 0, fingerprint: "", versions: {}, begun: {} });
        continue;
      }
      const known = ledger.get(step.copy.entryId);
      const to = "moves" in step && step.moves ? { to: step.entry.path } : {};
      if (known && pathKey(known.path) === pathKey(step.copy.path)) ledger.put({ ...known, begun: to });
    }
    await ledger.flush({ always: true });
  }

  wanted({ values }: SyncEntry): string[] {
    return [...values.keys()];
  }

  async put(entry: SyncEntry, values: ReadValues, _copy: Copy | undefined): Promise<void> {
    const { ledger } = await this.#open();
    refuseReserved(entry.path);
    const document = kvDocument(this.#job, entry, values);
    const known = ledger.get(entry.id);
    const isHere = known !== undefined && known.version > 0 && pathKey(known.path) === pathKey(entry.path);
    const expected = isHere ? known.version : ledger.goneAt(entry.path);
    const version = await this.#write(entry.id, entry.path, document, expected);
    const versions = new Map([...entry.values].map(([field, value]) => [field, value.version]));
    const { id, path, fingerprint } = entry;
    ledger.put({ id, path, version, fingerprint, versions: plainVersions(versions) });
  }

  /** One request, unless somebody has written there. @throws CoffreError CONFLICT */
  async #write(id: string, path: readonly string[], document: Record<string, string>, cas: number): Promise<number> {
    const { kv, paths } = await this.#open();
    const where = paths.entry(path);
    try {
      return await kv.write(where, document, cas);
    } catch (error) {
      if (!(error instanceof CasConflict)) throw error;
    }
    const { version, copy } = await this.#read(path);
    // A run that was killed has written it; or nothing is there, not even hidden.
    const isOurs = copy?.entryId === id && (copy.intact || this.#overwrite);
    const isFree = version === 0;
    const isKnown = cas > 0 && this.#overwrite;
    if (!isOurs && !isFree && !isKnown) throw somebodyElses(path, kv.pathText(where));
    try {
      return await kv.write(where, document, version);
    } catch (error) {
      throw error instanceof CasConflict ? somebodyElses(path, kv.pathText(where)) : error;
    }
  }

  async move(copy: Copy, { path }: Pick<SyncEntry, "path">): Promise<void> {
    const { kv, paths, ledger } = await this.#open();
    refuseReserved(path);
    const known = ledger.get(copy.entryId);
    const { version, data, copy: found } = await this.#read(copy.path);
    if (!known || !data || found?.entryId !== copy.entryId || (version !== known.version && !found.intact)) {
      throw somebodyElses(copy.path, kv.pathText(paths.entry(copy.path)));
    }
    // What is text in our own document is text when it is read.
    const moved = await this.#write(copy.entryId, path, data as Record<string, string>, ledger.goneAt(path));
    await kv.removeVersion(paths.entry(copy.path), version);
    ledger.remove(copy.entryId, copy.path, version);
    ledger.put({ id: copy.entryId, path, version: moved, fingerprint: copy.fingerprint, versions: known.versions });
  }

  async remove(copy: Copy): Promise<void> {
    const { kv, paths, ledger } = await this.#open();
    const { version, copy: found } = await this.#read(copy.path);
    const isOurs = found?.entryId === copy.entryId && (found.intact || this.#overwrite);
    if (found && !isOurs) throw somebodyElses(copy.path, kv.pathText(paths.entry(copy.path)));
    if (found) await kv.removeVersion(paths.entry(copy.path), version);
    ledger.remove(copy.entryId, copy.path, version);
  }

  async end({ completed }: { completed: boolean }): Promise<void> {
    const { ledger, record } = await this.#open();
    try {
      await ledger.flush({ always: true }).catch((error: unknown) => {
        if (completed) throw error; // else what ended the run is the reason to tell
      });
    } finally {
      await record.release();
    }
  }

  async readBack(copies: readonly Copy[]): Promise<Map<string, HeldCopy>> {
    const limit = limitConcurrency(PARALLEL);
    const read = copies.map(({ entryId, path }) =>
      limit(async (): Promise<[string, HeldCopy][]> => {
        const { copy } = await this.#read(path);
        return copy ? [[entryId, { values: copy.values, fingerprint: copy.fingerprint }]] : [];
      }),
    );
    return new Map((await Promise.all(read)).flat());
  }
}

function copyOf({ id, path, fingerprint, versions }: LedgerCopy): Copy {
  const kept = Object.entries(versions).map(
    ([field, [number, madeAt]]) => [field, { number, madeAt }] satisfies [string, object],
  );
  return { key: pathKey(path), entryId: id, path, fingerprint, versions: new Map(kept), foreign: [] };
}

function plainVersions(versions: Copy["versions"]): LedgerCopy["versions"] {
  return Object.fromEntries([...versions].map(([field, { number, madeAt }]) => [field, [number, madeAt]]));
}

function refuseReserved([first]: readonly string[]): void {
  if (first !== RESERVED) return;
  throw new CoffreError("INVALID_INPUT", `The name ${RESERVED} is Coffre's own in a KV engine`, {
    hint: "Give the category another name, or the copies a --prefix.",
  });
}

function somebodyElses(path: readonly string[], where: string): CoffreError {
  return new CoffreError("CONFLICT", `At ${where} stands what this sync didn't write`, {
    hint: `It was left alone. Give ${pathKey(path)} another place (--prefix, a new name); a copy that was changed there is brought back by --overwrite.`,
  });
}
