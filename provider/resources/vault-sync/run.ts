import { CoffreError } from "../../core/errors.js";
import { checkName } from "../../core/name.js";
import { copiesIn } from "../../sync/copies-in.js";
import type { CopyStore } from "../../sync/copy-store.js";
import type { SyncJob } from "../../sync/job.js";
import type { SyncReport } from "../../sync/report.js";
import { syncVault } from "../../sync/sync.js";
import type { Vault } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { VaultSyncInputs, VaultSyncState } from "./schema.js";

/** What inputs name, opened. */
export interface OpenedSync {
  source: Vault;
  store: CopyStore;
  job: SyncJob;
  acceptRemovals: boolean;
}

/** @throws CoffreError CONFIGURATION, what opening a vault throws; INVALID_INPUT for the prefix; NOT_SUPPORTED */
export async function openSync(context: ResourceContext, inputs: VaultSyncInputs): Promise<OpenedSync> {
  const { from, to, categoryId = null, prefix = "" } = inputs;
  const source = from === undefined ? context.vault : await context.openOther(from, keysOf(inputs, "from"));
  const destination = await context.openOther(to, keysOf(inputs, "to"));
  const { id, name } = await source.identity();
  const names = prefix === "" ? [] : prefix.split("/");
  const job = { source: { id, name }, categoryId, prefix: names.map((one) => checkName("category", one)) };
  const store = await copiesIn(destination, job, { clock: context.rotation.clock });
  return { source, store, job, acceptRemovals: inputs.acceptRemovals === true };
}

function keysOf(inputs: VaultSyncInputs, side: "from" | "to") {
  const [keyFile, passphraseFile, tokenFile] = [
    inputs[`${side}KeyFile`],
    inputs[`${side}PassphraseFile`],
    inputs[`${side}TokenFile`],
  ];
  return {
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
  };
}

/** A change of the prefix in the program is meant: the copies move. */
export function runSync(context: ResourceContext, opened: OpenedSync, { dryRun }: { dryRun: boolean }) {
  const { signal } = context.rotation;
  return syncVault({ ...opened, dryRun, move: true, ...(signal === undefined ? {} : { signal }) });
}

/** The state's vaults are the ones that answer? @throws CoffreError WRONG_VAULT */
export async function refuseOtherVaults(state: VaultSyncState, { store, job }: OpenedSync): Promise<void> {
  const destination = await store.identity();
  const sides = [
    ["from", state.source, job.source],
    ["to", state.destination, destination],
  ] as const;
  for (const [side, known, { id, name }] of sides) {
    if (known === undefined || known === id) continue;
    throw new CoffreError("WRONG_VAULT", `At \`${side}\` answers vault "${name}" (${id}), and not ${known}`, {
      hint: "Bring the right one back there. For a sync of other vaults declare another resource.",
    });
  }
}

/** `prod to robots: 3 new, 1 changed`; `undefined` if there is nothing to do. */
export function whatToDo({ source, destination, created, updated, moved, removed }: SyncReport): string | undefined {
  const counted = Object.entries({ new: created, changed: updated, moved, gone: removed });
  const numbers = counted.flatMap(([word, number]) => (number > 0 ? [`${number} ${word}`] : []));
  return numbers.length === 0 ? undefined : `sync of ${source.name} to ${destination.name}: ${numbers.join(", ")}`;
}
