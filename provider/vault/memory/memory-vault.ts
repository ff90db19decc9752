import { systemClock } from "../../core/clock.js";
import { checkVaultName } from "../../core/name.js";
import { RecordVault, type RecordVaultOptions } from "../records/record-vault.js";
import { MemoryRows } from "./memory-rows.js";

/** @see createMemoryVault */
export interface MemoryVaultOptions extends Partial<RecordVaultOptions> {
  /** The vault's own name, as references have it. Default `memory`. */
  name?: string;
  /** Of the identity, for tests of a restored vault. Default 0. */
  restoreCounter?: number;
}

/** A vault in this process's memory, with every rule of a real one. It is empty, and gone when the process ends. */
export function createMemoryVault(options: MemoryVaultOptions = {}): RecordVault {
  const { name = "memory", restoreCounter, actor = "nobody@memory", clock = systemClock, source } = options;
  const rows = new MemoryRows(checkVaultName(name), restoreCounter);
  return new RecordVault(rows, { actor, clock, ...(source === undefined ? {} : { source }) }, rows.contents);
}
