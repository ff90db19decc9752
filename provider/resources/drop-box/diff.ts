import { isDeepStrictEqual } from "node:util";
import { hasPassed } from "../../core/instant.js";
import type { ResourceContext } from "../context.js";
import type { DiffResult } from "../people/handlers-of.js";
import { knownText } from "../people/kind.js";
import { dropEmpty, hasUnknown, type Properties } from "../values.js";
import { isOutdated, vaultOf } from "../vault-stamp.js";
import { shownInputs } from "./fields.js";
import { pathOf, readLive } from "./place.js";
import { parseState, pickInputs } from "./schema.js";

/** Inputs that mean something when the box is made, and nothing after. */
const ONLY_AT_CREATION: ReadonlySet<string> = new Set(["adopt", "onNameConflict"]);

/** What the state and the program alone say. */
export function diffBoxOffline(olds: Properties, news: Properties): { changes: boolean } {
  return { changes: changedInputs(olds, news).length > 0 };
}

/**
 * Does an `up` have something to do? Also where somebody changed what is declared; not for deposits that came, and not
 * when the box's time is over. One that is archived isn't opened again: a new one takes its place.
 * @throws CoffreError WRONG_VAULT, ROLLED_BACK, NOT_FOUND
 */
export async function diffBox(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<DiffResult> {
  const state = parseState(olds);
  const { identity, stamp } = await vaultOf(context.overview, state);
  const box = (await context.overview.boxes()).get(id) ?? (await readLive(context, id, state, identity));
  const changed = changedInputs(olds, news);
  if (box.status === "archived" && changed.length > 0 && isToBeLive(context, pickInputs(news))) {
    return { changes: true, replaces: changed };
  }
  const shown = dropEmpty({ ...state, ...shownInputs(box, state), path: pathOf(box) });
  const drifted = !isDeepStrictEqual(shown, dropEmpty(state));
  const outdated = stamp !== undefined && isOutdated(stamp, identity);
  return { changes: changed.length > 0 || drifted || outdated };
}

function changedInputs(olds: Properties, news: Properties): string[] {
  const [before, after] = [pickInputs(olds), pickInputs(news)];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter(
    (name) => !ONLY_AT_CREATION.has(name) && (hasUnknown(after[name]) || !isDeepStrictEqual(before[name], after[name])),
  );
}

function isToBeLive({ rotation }: ResourceContext, inputs: Properties): boolean {
  return !hasPassed(knownText(inputs, "archivesAt"), rotation.clock.now());
}
