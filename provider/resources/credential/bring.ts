import { isDeepStrictEqual } from "node:util";
import { isDrifted } from "../../rotation/attention.js";
import { closedUntil, dueCause, isDue } from "../../rotation/due.js";
import { giveValue } from "../../rotation/give.js";
import { isDrainDue } from "../../rotation/overlap.js";
import { reachCauses } from "../../rotation/rotate.js";
import type { Credential, CredentialPatch, TargetRecord } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { Causes } from "./causes.js";
import type { Declared } from "./entry.js";
import { endLeft } from "./leaving.js";

/** An entry on its way to what is declared. */
export interface Bringing {
  credential: Credential;
  declared: Declared;
  /** Everything but the targets. */
  patch: CredentialPatch;
  causes: Causes;
  /** Also rotate what is due. */
  evenDue: boolean;
}

/**
 * Writes what is declared to an entry and rotates for what has no version yet; a version that anybody left pending is
 * finished first. Safe to repeat. `onWritten` is called once the vault was changed: from then on a failure is partial.
 */
export async function bring(
  context: ResourceContext,
  { credential, declared, patch, causes, evenDue }: Bringing,
  onWritten: () => void,
): Promise<Credential> {
  const { vault, rotation } = context;
  const { id } = credential;
  const { password } = declared.brought;
  const retarget = !isDeepStrictEqual(comparable(credential.targets), comparable(declared.records));
  const wanted = [causes.trigger, causes.targets].filter((cause) => cause !== undefined);
  if (retarget) {
    onWritten();
    const change = { ...patch, targets: declared.records };
    await reachCauses(rotation, id, wanted, { change, onDrift: context.onDrift });
    const reached = password ? await giveValue(rotation, id, password) : await vault.readCredential(id);
    return endLeft(context, reached);
  }
  const written = await vault.updateCredential(id, patch);
  onWritten();
  const now = rotation.clock.now();
  if (evenDue && isDue(written, now) && (await closedUntil(written, now)) === undefined) wanted.push(dueCause(written));
  if (password && !written.journal.pending) return endLeft(context, await giveValue(rotation, id, password));
  const { pending, attention } = written.journal;
  const idle = wanted.length === 0 && !pending && !attention && !isDrainDue(written, now);
  const reached = idle ? written : (await reachCauses(rotation, id, wanted, { onDrift: context.onDrift })).credential;
  if (isDrifted(reached)) context.notify(`${reached.path.join("/")}: ${reached.journal.attention?.message ?? ""}`);
  return endLeft(context, password ? await giveValue(rotation, id, password) : reached);
}

/** Records without what only the vault decides, as JSON keeps them. */
function comparable(records: readonly TargetRecord[]): unknown {
  return JSON.parse(
    JSON.stringify(
      records.map(({ accountMade: _made, pin: _pin, logins, ...record }) => [
        record,
        logins?.map(({ account }) => account),
      ]),
    ),
  );
}
