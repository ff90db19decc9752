import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import type { Vault } from "../vault/port.js";
import type { CopyStore } from "./copy-store.js";
import type { SyncJob } from "./job.js";
import { VaultCopies } from "./vault-copies.js";

/**
 * The store of a job's copies in this vault.
 * @param overwrite as a sync's `overwrite`
 * @throws CoffreError NOT_SUPPORTED for a vault that can't keep copies safely
 */
export async function copiesIn(
  vault: Vault,
  job: SyncJob,
  { clock, overwrite = false }: { clock: Clock; overwrite?: boolean },
): Promise<CopyStore> {
  const { versions, compareAndSet, events } = vault.capabilities;
  if (!versions || !compareAndSet) {
    throw new CoffreError("NOT_SUPPORTED", "That vault keeps no versions, or can't compare before it writes", {
      hint: "Sync into another kind of vault.",
    });
  }
  if (events === "server") {
    // Only now: what speaks to a server is loaded where there is one.
    const [{ HashicorpVault }, { KvCopies }] = await Promise.all([
      import("../vault/hashicorp/hashicorp-vault.js"),
      import("./kv-copies.js"),
    ]);
    if (vault instanceof HashicorpVault) return new KvCopies(vault, job, { clock, overwrite });
  }
  return new VaultCopies(vault, job, clock);
}
