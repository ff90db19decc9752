import type * as z from "zod";
import { hasPassed, parseInstant } from "../../core/instant.js";
import { CoffreError } from "../../core/errors.js";
import type { OwnedPeople, Owner, OwnerProof, People, Principal } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { Properties } from "../values.js";
import { UNKNOWN } from "../values.js";

/** What the inputs of users, groups, memberships and grants have in common. */
export interface SharedInputs {
  adopt?: true | string | undefined;
  ownerKey: string;
}

/** A state as the engine keeps it: inputs that were reached, and what proves whose entry it is. Nothing else is kept. */
export type EntryState<Inputs> = Partial<Inputs> & {
  ownerToken?: string | undefined;
  vaultStamp?: string | undefined;
};

/** In what the lives of users, groups, memberships and grants differ; `life.ts` and `review.ts` are what they share. */
export interface EntryKind<Inputs extends SharedInputs, Entry extends { id: string }> {
  /** For messages: `user`. */
  noun: string;
  owned: OwnedPeople;
  schema: z.ZodObject & z.ZodType<Inputs>;
  /** @throws CoffreError NOT_FOUND */
  read(people: People, id: string): Promise<Entry>;
  /** The entry that is where the inputs would put theirs, whoever made it. */
  find(context: ResourceContext, inputs: Inputs): Promise<Entry | undefined>;
  create(context: ResourceContext, inputs: Inputs, owner: Owner): Promise<Entry>;
  /** One write. What was declared `before` and no longer is, is cleared. */
  update(context: ResourceContext, id: string, change: Change<Inputs>): Promise<Entry>;
  remove(people: People, id: string, proof: OwnerProof): Promise<void>;
  /** What the overview of a run knows of the entry. */
  known(context: ResourceContext, id: string): Promise<Entry | undefined>;
  /** The entry in the words of the inputs. What no program declared is left out, unless it is only looked at. */
  shown(context: ResourceContext, entry: Entry, state: EntryState<Inputs>): Promise<Partial<Inputs>>;
  /** What the entry is, for people: `user ana`. */
  title(inputs: Partial<Inputs>): string;
  /**
   * The inputs as the vault keeps them, by what a declaration says by itself. Unknown values pass.
   * @throws CoffreError INVALID_INPUT
   */
  tidy(inputs: Properties): Properties;
  /**
   * What the vault would refuse, said in a preview. Inputs may have unknown values, which are nobody's fault.
   * @throws CoffreError
   */
  refuse(context: ResourceContext, inputs: Properties, facts: CheckFacts): Promise<void>;
}

export interface Change<Inputs> {
  inputs: Inputs;
  before: EntryState<Inputs> | undefined;
  proof: OwnerProof;
  owner?: Owner;
}

export interface CheckFacts {
  /** False for a resource that exists already, or is about to take over what exists. */
  isNew: boolean;
  /** The state's inputs, of a resource that exists. */
  olds: Properties;
}

/** A text that is there and known. */
export function knownText(inputs: Properties, field: string): string | undefined {
  const value = inputs[field];
  return typeof value === "string" && value !== UNKNOWN ? value : undefined;
}

/** An expiry of the inputs must be a time, whatever time. @throws CoffreError INVALID_INPUT */
export function tidyExpiry(inputs: Properties): Properties {
  const expiresAt = knownText(inputs, "expiresAt");
  if (expiresAt !== undefined) parseInstant("expiresAt", expiresAt);
  return inputs; // as the program says it: a state that says it otherwise would seem changed
}

/** An expiry of what is new lies ahead. @throws CoffreError INVALID_INPUT */
export function refuseExpiry(context: ResourceContext, inputs: Properties, { isNew }: CheckFacts): void {
  const expiresAt = knownText(inputs, "expiresAt");
  if (expiresAt === undefined) return;
  const instant = parseInstant("expiresAt", expiresAt);
  if (!isNew || !hasPassed(instant, context.rotation.clock.now())) return;
  throw new CoffreError("INVALID_INPUT", `expiresAt has passed already: ${instant}`, {
    hint: "Give a later time, or remove the resource.",
    details: { field: "expiresAt" },
  });
}

/** An expiry as the state has it, as long as the vault's is the same moment. */
export function shownExpiry(stated: string | undefined, kept: string | undefined): string | undefined {
  const same = stated !== undefined && kept !== undefined && Date.parse(stated) === Date.parse(kept);
  return same ? stated : kept;
}

/** A principal that inputs name. @throws CoffreError NOT_FOUND */
export async function principalOf(context: ResourceContext, id: string): Promise<Principal> {
  const { principals } = await context.overview.people();
  return principals.get(id) ?? context.vault.people.readPrincipal(id);
}

/**
 * Two resources of one program that declare one pair: the vault knows neither yet.
 * @throws CoffreError CONFLICT that names the first
 */
export function declarePair(context: ResourceContext, noun: string, inputs: Properties, pair: [string, string]): void {
  const ownerKey = String(inputs["ownerKey"]);
  const key = [noun, ...pair].join(" ");
  const first = context.declaredPairs.get(key);
  context.declaredPairs.set(key, first ?? { ownerKey, noun, pair });
  if (first === undefined || first.ownerKey === ownerKey) return;
  throw new CoffreError("CONFLICT", `The same ${noun} is declared by another resource too (${first.ownerKey})`, {
    hint: "Remove one of the two.",
  });
}
