import * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { unwrapAs, wrap } from "../vault/documents/documents.js";
import { CasConflict } from "../vault/hashicorp/failures.js";
import type { Kv } from "../vault/hashicorp/kv.js";
import type { Paths } from "../vault/hashicorp/paths.js";
import { pathKey } from "./entry.js";

/** Bytes of one part of the ledger: far below what a server takes, and enough for a thousand copies. */
const PART_BYTES = 400_000;
/** So many changes may be unwritten: what a run that follows a kill looks at again. */
const MOST_UNWRITTEN = 1_000;

const Versions = z.record(z.string(), z.tuple([z.int(), z.number()]));
const LedgerCopy = z.object({
  id: z.string(),
  path: z.array(z.string()),
  /** Of the engine's own counting at that path; 0 if nothing was written yet. */
  version: z.int(),
  fingerprint: z.string(),
  versions: Versions,
  /** Something was about to be done with it: what stands at its path decides; it may stand at `to` already. */
  begun: z.object({ to: z.array(z.string()).optional() }).optional(),
});
/** What the ledger knows of one copy. */
export type LedgerCopy = z.infer<typeof LedgerCopy>;

const Part = z.object({
  copies: z.array(LedgerCopy),
  /** Paths at which copies stood, with the version that was hidden: a copy that comes there goes on from it. */
  gone: z.array(z.tuple([z.array(z.string()), z.int()])),
});

interface HeldPart {
  version: number;
  copies: Map<string, LedgerCopy>;
  gone: Map<string, [string[], number]>;
  bytes: number;
  changed: boolean;
}

/** Which copies of a job stand where, in documents beside the vault's own. The one run that has the job's lease writes it. */
export class KvLedger {
  readonly #kv: Kv;
  readonly #paths: Paths;
  readonly #job: string;
  #parts: HeldPart[] = [];
  #unwritten = 0;

  constructor(kv: Kv, paths: Paths, job: string) {
    this.#kv = kv;
    this.#paths = paths;
    this.#job = job;
  }

  /** Reads all of it afresh. @throws CoffreError CORRUPT */
  async load(): Promise<LedgerCopy[]> {
    this.#parts = [];
    for (let index = 0; ; index += 1) {
      const path = this.#path(index);
      const { version, data } = await this.#kv.read(path);
      if (version === 0) break;
      if (!data) {
        this.#parts.push({ version, copies: new Map(), gone: new Map(), bytes: 0, changed: false });
        continue; // hidden by hand: it is begun anew
      }
      const parsed = unwrapAs<z.infer<typeof Part>>(this.#kv.pathText(path), Part, data);
      const copies = new Map(parsed.copies.map((copy) => [copy.id, copy]));
      const gone = new Map(parsed.gone.map((one): [string, [string[], number]] => [pathKey(one[0]), one]));
      this.#parts.push({ version, copies, gone, bytes: JSON.stringify(data).length, changed: false });
    }
    return this.#parts.flatMap(({ copies }) => [...copies.values()]);
  }

  get(id: string): LedgerCopy | undefined {
    return this.#parts.find(({ copies }) => copies.has(id))?.copies.get(id);
  }

  /** The version that was hidden at a path where a copy stood; 0 where none did. */
  goneAt(path: readonly string[]): number {
    const key = pathKey(path);
    return this.#parts.find(({ gone }) => gone.has(key))?.gone.get(key)?.[1] ?? 0;
  }

  put(copy: LedgerCopy): void {
    const bytes = JSON.stringify(copy).length;
    const part = this.#partOf(copy.id, bytes);
    part.copies.set(copy.id, copy);
    this.#touch(part, bytes);
    if (copy.begun === undefined) this.#settled(copy.path);
  }

  /** A copy stands at this path no more: this version of it is hidden there. */
  remove(id: string, path: readonly string[], version: number): void {
    const bytes = JSON.stringify(path).length + 16;
    const part = this.#partOf(id, bytes);
    if (pathKey(part.copies.get(id)?.path ?? []) === pathKey(path)) part.copies.delete(id);
    part.gone.set(pathKey(path), [[...path], version]);
    this.#touch(part, bytes);
  }

  /** Nothing of the copy is there any more, not even hidden. */
  forget(id: string): void {
    const part = this.#parts.find(({ copies }) => copies.has(id));
    if (!part?.copies.delete(id)) return;
    this.#touch(part, 0);
  }

  /** Writes what has changed, at least if it is much. @throws CoffreError LOCKED if somebody else has written meanwhile */
  async flush({ always }: { always: boolean }): Promise<void> {
    if (!always && this.#unwritten < MOST_UNWRITTEN) return;
    this.#unwritten = 0;
    for (const [index, part] of this.#parts.entries()) {
      if (!part.changed) continue;
      // As one text: a server counts the texts of a request, and takes a thousand.
      const data = wrap({ copies: [...part.copies.values()], gone: [...part.gone.values()] });
      part.changed = false;
      try {
        part.version = await this.#kv.write(this.#path(index), data, part.version);
      } catch (error) {
        part.changed = true;
        throw error instanceof CasConflict ? overtaken(error) : error;
      }
      part.bytes = JSON.stringify(data).length;
    }
  }

  #settled(path: readonly string[]): void {
    const key = pathKey(path);
    const part = this.#parts.find(({ gone }) => gone.has(key));
    if (part?.gone.delete(key)) part.changed = true;
  }

  #touch(part: HeldPart, bytes: number): void {
    part.bytes += bytes;
    part.changed = true;
    this.#unwritten += 1;
  }

  /** The part that has the copy, or one with room for it. */
  #partOf(id: string, bytes: number): HeldPart {
    const known = this.#parts.find(({ copies }) => copies.has(id));
    const found = known ?? this.#parts.find((part) => part.bytes + bytes < PART_BYTES);
    if (found) return found;
    const made: HeldPart = { version: 0, copies: new Map(), gone: new Map(), bytes: 0, changed: false };
    this.#parts.push(made);
    return made;
  }

  #path(index: number): string[] {
    return this.#paths.sync(this.#job, String(index));
  }
}

/** Another run has the job by now: this one writes nothing more. */
export function overtaken(cause: unknown): CoffreError {
  return new CoffreError("LOCKED", "Another sync into this place has taken over", {
    hint: "Run it again when that one has ended.",
    cause,
  });
}
