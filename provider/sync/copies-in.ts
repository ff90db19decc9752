import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import type { Vault } from "../vault/port.js";
import type { CopyStore } from "./copy-store.js";
import type { SyncJob } from "./job.js";
import { VaultCopies } from "./vault-copies.js";

/** The store of a job's copies in this vault. @throws CoffreError NOT_SUPPORTED for a vault that can't keep copies safely */
export function copiesIn(vault: Vault, job: SyncJob, clock: Clock): CopyStore {
  const { versions, compareAndSet } = vault.capabilities;
  if (versions && compareAndSet) return new VaultCopies(vault, job, clock);
  throw new CoffreError("NOT_SUPPORTED", "That vault keeps no versions, or can't compare before it writes", {
    hint: "Sync into another kind of vault.",
  });
}
