import type { VaultIdentity } from "../vault/port.js";
import type { ReadValues, SyncEntry } from "./entry.js";
import type { SourceVersion } from "./mark.js";
import type { SyncStep } from "./plan.js";

/**
 * Where the copies of one job stand. Whatever a method does holds durably when it returns, and a kill between two of
 * them leaves what the next run goes on from. Only the job's own copies are ever changed or taken away.
 */
export interface CopyStore {
  /** Of the vault that holds the copies. */
  identity(): Promise<Pick<VaultIdentity, "id" | "name">>;

  /** What the job has left here; `undefined` before its first run. Writes nothing. */
  record(): Promise<SyncRecord | undefined>;
  /** All copies of the job. Writes nothing. */
  list(): Promise<Copy[]>;
  /**
   * Which of these places are taken by somebody else, each with who has it. Writes nothing; for a dry run, since a real
   * one is told by the write itself.
   */
  taken(places: readonly (readonly string[])[]): Promise<Map<string, string>>;

  /**
   * Makes this run the only one of its job, and keeps `record` before anything is copied.
   * @throws CoffreError LOCKED while another run holds it; CONFLICT
   */
  begin(): Promise<void>;
  /** Writes down what this run has seen of the source. */
  note(record: SyncRecord): Promise<void>;
  /** Before each batch: still the only run? @throws CoffreError LOCKED if another one has taken over */
  hold(): Promise<void>;
  /**
   * Makes places ready, such as categories, and lets those follow that were renamed in the source. Where a kill couldn't be
   * seen otherwise, it writes down what is about to be done.
   */
  prepare(entries: readonly SyncEntry[], steps: readonly SyncStep[]): Promise<void>;

  /** The fields whose values {@link put} will want for this entry. */
  wanted(entry: SyncEntry, copy: Copy | undefined): string[];
  /**
   * Brings a copy to what the entry is; without `copy` it makes one. The place stays.
   * @throws CoffreError CONFLICT if somebody else has the place, or has changed the copy since it was listed
   */
  put(entry: SyncEntry, values: ReadValues, copy: Copy | undefined): Promise<void>;
  /** Brings a copy to another place. @throws CoffreError CONFLICT if somebody else has it */
  move(copy: Copy, entry: Pick<SyncEntry, "path" | "categoryIds">): Promise<void>;
  /** Takes a copy away; its values stay in the destination's history. */
  remove(copy: Copy): Promise<void>;

  /** Gives places back that nobody needs any more, and lets others in. Safe to call after a failure. */
  end(outcome: { completed: boolean }): Promise<void>;

  /** What the copies hold, by the source's entry id, in no order: for the comparison of every field. */
  readBack(copies: readonly Copy[]): Promise<Map<string, HeldCopy>>;
}

/** A copy as it was read back. */
export interface HeldCopy {
  values: ReadValues;
  /** Of what is really there. */
  fingerprint: string;
}

/** What a destination remembers of a job. */
export interface SyncRecord {
  /** Below which the copies stand. */
  prefix: readonly string[];
  /** How far the source had come: its restore counter and the proof of its newest event. */
  seen: { restoreCounter: number; headProof: string };
}

/** A copy as it stands, without its values. */
export interface Copy {
  /** By which the store finds it. */
  key: string;
  /** Of the entry in the source. */
  entryId: string;
  path: string[];
  /** Of what was copied: see {@link SyncEntry.fingerprint}. Another one if somebody changed what lists show. */
  fingerprint: string;
  /** The source's versions that stand here, by field. */
  versions: ReadonlyMap<string, SourceVersion>;
  /** Fields whose value somebody else has given here. */
  foreign: readonly string[];
}
