import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../../core/errors.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failureOf } from "../failures.js";
import { schemaFailures } from "../parse.js";
import { dropEmpty, hasUnknown, type Properties } from "../values.js";
import { isOutdated, vaultOf } from "../vault-stamp.js";
import type { EntryKind, SharedInputs } from "./kind.js";
import { findAdopted, parseState, pickInputs, readLive, taken } from "./life.js";

/** Inputs that mean something when the entry is made, and nothing after. */
const ONLY_AT_CREATION: ReadonlySet<string> = new Set(["adopt"]);

/** What can be said of a declaration by itself. */
export function checkEntryOffline<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  news: Properties,
): CheckResult {
  const inputs = pickInputs(kind, news);
  const failures = schemaFailures(kind.schema, news);
  if (failures.length > 0) return { inputs, failures };
  try {
    return { inputs: { ...kind.tidy(inputs) }, failures };
  } catch (error) {
    return { inputs, failures: [failureOf(error)] };
  }
}

/** Finds in a preview what would be refused later; changes nothing. `olds` are empty for a resource to be created. */
export async function checkEntry<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  olds: Properties,
  news: Properties,
): Promise<CheckResult> {
  const { inputs, failures } = checkEntryOffline(kind, news);
  if (failures.length > 0) return { inputs, failures };
  try {
    await context.overview.identity(); // no vault, no key, the wrong one: said before anything is planned
    if (context.vault.capabilities.grants === "none") {
      throw new CoffreError("NOT_SUPPORTED", "This vault has no grants, users and groups of its own", {
        hint: "Give rights where the vault keeps them, or choose another vault for this resource.",
      });
    }
    await checkKnown(kind, context, olds, inputs);
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

async function checkKnown<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  olds: Properties,
  inputs: Properties,
): Promise<void> {
  const exists = typeof olds["ownerKey"] === "string";
  const left = exists ? undefined : await context.vault.people.findOwned(kind.owned, String(inputs["ownerKey"]));
  const isNew = !exists && left === undefined && inputs["adopt"] === undefined;
  await kind.refuse(context, inputs, { isNew, olds });
  if (exists || hasUnknown(inputs)) return;
  const known = kind.schema.parse(inputs);
  if (known.adopt !== undefined) await findAdopted(kind, context, known);
  if (!isNew) return;
  const there = await kind.find(context, known);
  if (there) throw taken(kind, known, there.id);
}

/** What the state and the program alone say. */
export function diffEntryOffline<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  olds: Properties,
  news: Properties,
): { changes: boolean } {
  const [before, after] = [pickInputs(kind, olds), pickInputs(kind, news)];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changes = [...names].some(
    (name) => !ONLY_AT_CREATION.has(name) && (hasUnknown(after[name]) || !isDeepStrictEqual(before[name], after[name])),
  );
  return { changes };
}

/**
 * Does an `up` have something to do? Also where the vault says something else than the state: rights that drifted are
 * brought back. Never a replacement. @throws CoffreError WRONG_VAULT, ROLLED_BACK, NOT_FOUND
 */
export async function diffEntry<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ changes: boolean }> {
  const state = parseState<Inputs>(kind, olds);
  const { identity, stamp } = await vaultOf(context.overview, state);
  const entry = (await kind.known(context, id)) ?? (await readLive(kind, context, id, state, identity));
  const shown: object = dropEmpty({ ...state, ...(await kind.shown(context, entry, state)) });
  const drifted = !isDeepStrictEqual(shown, dropEmpty(state));
  const outdated = stamp !== undefined && isOutdated(stamp, identity);
  return { changes: drifted || outdated || diffEntryOffline(kind, olds, news).changes };
}
