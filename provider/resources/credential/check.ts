import { checkName } from "../../core/name.js";
import { CoffreError } from "../../core/errors.js";
import { parseHooks, prepareHooks } from "../../rotation/notify/prepare.js";
import { accountsOfSpec, parseTargets, prepareTargets } from "../../rotation/targets.js";
import type { RotationContext } from "../../rotation/context.js";
import { resolveReference } from "../../rotation/resolve-reference.js";
import type { TargetSpec } from "../../target/port.js";
import type { Credential } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failureOf } from "../failures.js";
import { schemaFailures } from "../parse.js";
import { findRootCategory } from "../root-category.js";
import { hasUnknown, type Properties, UNKNOWN } from "../values.js";
import { refuseForeignAccounts } from "./accounts.js";
import { bringAlong } from "./brought.js";
import { refuseContradictions } from "./contradictions.js";
import { depositNotes } from "./deposit-notes.js";
import { refuseImpossiblePolicy, taken } from "./entry.js";
import { readSource } from "./read-source.js";
import { CredentialInputs, pickInputs } from "./schema.js";
import { isDeposit, ReadSource, SecretFields, typeOf } from "./source.js";

const DAY_SECONDS = 86_400;

type Drivers = RotationContext["drivers"];

/** What can be said of a declaration by itself. */
export function checkCredentialOffline(drivers: Drivers, news: Properties): CheckResult {
  const inputs = pickInputs(news);
  const failures = schemaFailures(CredentialInputs, news);
  if (failures.length > 0) return { inputs, failures };
  try {
    if (typeof inputs["name"] === "string" && inputs["name"] !== UNKNOWN) {
      inputs["name"] = checkName("credential", inputs["name"]);
    }
    refuseContradictions(inputs);
    if (!hasUnknown(inputs["notify"])) parseHooks(CredentialInputs.shape.notify.parse(inputs["notify"]) ?? []);
    if (!hasUnknown(inputs["targets"]) && !hasUnknown(inputs["username"])) {
      const { targets = [], username } = CredentialInputs.pick({ targets: true, username: true }).strip().parse(inputs);
      const specs = parseTargets(drivers, targets, username);
      if (!hasUnknown(inputs["rotation"]))
        refuseLongDrain(specs, CredentialInputs.shape.rotation.parse(inputs["rotation"]));
    }
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

/** A login that drained for longer than the rhythm lasts would never be free for the next version. */
function refuseLongDrain(specs: readonly TargetSpec[], rotation: CredentialInputs["rotation"]): void {
  const drains = Math.max(0, ...specs.map(({ overlap }) => overlap?.drainSeconds ?? 0));
  if (rotation === undefined || drains < rotation.everyDays * DAY_SECONDS) return;
  throw new CoffreError("INVALID_INPUT", "drainSeconds is as long as rotation.everyDays, or longer", {
    hint: "A login must have ended before its next turn: make drainSeconds shorter than the rhythm.",
    details: { field: "drainSeconds" },
  });
}

/**
 * Finds in a preview what would be refused later: draws nothing, logs in nowhere, changes nothing. Unknown values are
 * taken anywhere. `olds` are the inputs before; none for a resource that is to be created, or replaced.
 */
export async function checkCredential(
  context: ResourceContext,
  olds: Properties,
  news: Properties,
): Promise<CheckResult> {
  const { inputs, failures } = checkCredentialOffline(context.rotation.drivers, news);
  if (failures.length > 0) return { inputs, failures };
  try {
    await context.overview.identity(); // no vault, no key, the wrong one: said before anything is planned
    if (!hasUnknown(inputs)) await checkKnown(context, olds, CredentialInputs.parse(inputs));
    else if (!isThere(olds) && (await findOwn(context, inputs)) === undefined) await refuseUnreadable(context, inputs);
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

async function checkKnown(context: ResourceContext, olds: Properties, inputs: CredentialInputs): Promise<void> {
  declareAccounts(context, inputs);
  if (isThere(olds)) return; // of an entry that exists, `diff` knows more
  const { vault } = context;
  const ownId = await findOwn(context, inputs);
  const own = ownId === undefined ? undefined : await vault.readCredential(ownId);
  if (!own) await refuseUnreadable(context, inputs);
  await prepareTargets(context.rotation, {
    targets: inputs.targets ?? [],
    username: inputs.username,
    ...(ownId === undefined ? {} : { credentialId: ownId }),
  });
  await prepareHooks(vault, inputs.notify ?? [], ownId);
  const categoryId = inputs.categoryId ?? (await findRootCategory(context));
  if (categoryId === undefined) return; // the branch of coffre:rootCategory is made by the first create
  await refuseImpossiblePolicy(context, inputs, categoryId);
  await bringAlong(context, inputs, categoryId, { ...(own ? { existing: own } : {}), onlyLook: true });
  for (const note of (await depositNotes(context, inputs, own)).notes) context.notify(note);
  const adopted = await adoptedId(context, inputs);
  const isAdopted = ({ id, path }: Credential) =>
    inputs.adopt === true ? path.at(-1) === inputs.name : id === adopted;
  await refuseForeignAccounts(context, inputs, (credential) => credential.id === ownId || isAdopted(credential));
  if (ownId !== undefined || inputs.adopt !== undefined) return;
  const path = categoryId === null ? [] : (await vault.readCategory(categoryId)).path;
  const there = await vault.findCredential([...path, inputs.name]);
  if (there) throw taken(`There is a credential "${there.path.join("/")}" that this resource didn't make`, there.id);
}

function isThere(olds: Properties): boolean {
  return typeof olds["ownerKey"] === "string";
}

/** What an interrupted create of this resource left. */
async function findOwn({ vault }: ResourceContext, { ownerKey }: Properties): Promise<string | undefined> {
  return typeof ownerKey === "string" ? vault.findOwned("credential", ownerKey) : undefined;
}

/** What will be read at creation is there now, whatever else isn't known yet. */
async function refuseUnreadable({ rotation }: ResourceContext, inputs: Properties): Promise<void> {
  const { name, source, secretFields } = inputs;
  const credential = name === UNKNOWN ? "" : String(name);
  const password = ReadSource.safeParse(source);
  if (password.success && !isDeposit(password.data) && !hasUnknown(source))
    await readSource(rotation.environment, { credential, type: "secret" }, password.data);
  if (hasUnknown(secretFields)) return;
  for (const [field, declared] of Object.entries(SecretFields.parse(secretFields ?? {}))) {
    const from = declared.source;
    if (from === "typed" || isDeposit(from)) continue;
    await readSource(rotation.environment, { credential, field, type: typeOf(declared) }, from);
  }
}

async function adoptedId({ vault }: ResourceContext, { adopt }: CredentialInputs): Promise<string | undefined> {
  if (typeof adopt !== "string") return undefined;
  return adopt.includes("://") ? (await resolveReference(vault, adopt)).id : adopt;
}

/** Two resources of one program that claim one account: the vault knows neither yet. */
function declareAccounts(context: ResourceContext, inputs: CredentialInputs): void {
  const specs = parseTargets(context.rotation.drivers, inputs.targets ?? [], inputs.username);
  for (const account of specs.flatMap(accountsOfSpec)) {
    const first = context.declaredAccounts.get(account) ?? inputs.ownerKey;
    if (first !== inputs.ownerKey) {
      throw new CoffreError("CONFLICT", `The account ${account} is declared by another credential too (${first})`, {
        hint: "An account belongs to one credential. Name that one where the password is needed.",
      });
    }
    context.declaredAccounts.set(account, first);
  }
}
