import * as pulumi from "@pulumi/pulumi";
import { CoffreError } from "../core/errors.js";
import type {
  GetCategoryResult,
  GetCredentialResult,
  GetGroupResult,
  GetUserResult,
  LookupPlace,
} from "../resources/lookup.js";
import type { InputsOf } from "./inputs.js";
import { configured, mayRead, type Settings, vaultFor } from "./program-vault.js";
import { providerFor } from "./register.js";

/** By what a credential is looked up: exactly one of these. */
export interface GetCredentialArgs {
  /** Names with `/` between them, from the branch of `coffre:rootCategory` if there is one: `Databases/orders-app`. */
  path?: string | undefined;
  /** A reference, `coffre://…`: another stack's output, for example. */
  ref?: string | undefined;
  id?: string | undefined;
}

/** By what a category is looked up: exactly one of these. */
export interface GetCategoryArgs {
  /** Names with `/` between them, from the branch of `coffre:rootCategory` if there is one: `Production/Databases`. */
  path?: string | undefined;
  id?: string | undefined;
}

/** By what a group is looked up: exactly one of these. */
export interface GetGroupArgs {
  name?: string | undefined;
  id?: string | undefined;
}

/** By what a user is looked up: exactly one of these. */
export interface GetUserArgs {
  name?: string | undefined;
  id?: string | undefined;
}

/** A credential that another stack or a person made: everything about it but its values. @throws CoffreError NOT_FOUND, … */
export function getCredential(args: GetCredentialArgs, opts: pulumi.InvokeOptions = {}): Promise<GetCredentialResult> {
  return askNow("getCredential", args, opts, LOOKUPS.credential);
}

/** The same of outputs: unknown while they are, and where a preview asks nothing of the vault. */
export function getCredentialOutput(
  args: InputsOf<GetCredentialArgs>,
  opts: pulumi.InvokeOutputOptions = {},
): pulumi.Output<GetCredentialResult> {
  return askOutput(args, opts, LOOKUPS.credential);
}

/** A category that another stack or a person made. @throws CoffreError NOT_FOUND, … */
export function getCategory(args: GetCategoryArgs, opts: pulumi.InvokeOptions = {}): Promise<GetCategoryResult> {
  return askNow("getCategory", args, opts, LOOKUPS.category);
}

/** The same of outputs: unknown while they are, and where a preview asks nothing of the vault. */
export function getCategoryOutput(
  args: InputsOf<GetCategoryArgs>,
  opts: pulumi.InvokeOutputOptions = {},
): pulumi.Output<GetCategoryResult> {
  return askOutput(args, opts, LOOKUPS.category);
}

/** A group that another stack made. @throws CoffreError NOT_FOUND, … */
export function getGroup(args: GetGroupArgs, opts: pulumi.InvokeOptions = {}): Promise<GetGroupResult> {
  return askNow("getGroup", args, opts, LOOKUPS.group);
}

/** The same of outputs: unknown while they are, and where a preview asks nothing of the vault. */
export function getGroupOutput(
  args: InputsOf<GetGroupArgs>,
  opts: pulumi.InvokeOutputOptions = {},
): pulumi.Output<GetGroupResult> {
  return askOutput(args, opts, LOOKUPS.group);
}

/** A user that another stack made. @throws CoffreError NOT_FOUND, … */
export function getUser(args: GetUserArgs, opts: pulumi.InvokeOptions = {}): Promise<GetUserResult> {
  return askNow("getUser", args, opts, LOOKUPS.user);
}

/** The same of outputs: unknown while they are, and where a preview asks nothing of the vault. */
export function getUserOutput(
  args: InputsOf<GetUserArgs>,
  opts: pulumi.InvokeOutputOptions = {},
): pulumi.Output<GetUserResult> {
  return askOutput(args, opts, LOOKUPS.user);
}

/** @internal The id of the category at this whole path, wherever `coffre:rootCategory` is. */
export function categoryIdAt(path: pulumi.Input<string>, opts: pulumi.InvokeOutputOptions): pulumi.Output<string> {
  const fromRoot: LookUp<GetCategoryResult> = (place, query) => LOOKUPS.category({ ...place, rootCategory: [] }, query);
  return askOutput({ path }, opts, fromRoot).id;
}

type Query = Readonly<Record<string, unknown>>;
type LookUp<Result> = (place: LookupPlace, query: Query) => Promise<Result>;

// A program that looks nothing up loads none of it.
const LOOKUPS = {
  credential: async (place: LookupPlace, query: Query) =>
    (await import("../resources/lookup.js")).lookUpCredential(place, query),
  category: async (place: LookupPlace, query: Query) =>
    (await import("../resources/lookup.js")).lookUpCategory(place, query),
  group: async (place: LookupPlace, query: Query) => (await import("../resources/lookup.js")).lookUpGroup(place, query),
  user: async (place: LookupPlace, query: Query) => (await import("../resources/lookup.js")).lookUpUser(place, query),
};

function askOutput<Result>(
  args: object,
  opts: pulumi.InvokeOutputOptions,
  lookUp: LookUp<Result>,
): pulumi.Output<Result> {
  // The settings may hold a secret; what is looked up holds none.
  const settings = pulumi.unsecret(providerFor(opts).settings);
  const asked = pulumi.all([pulumi.output(args), settings, made(opts.dependsOn)]);
  return asked.apply<Result>(async ([query, chosen]) => {
    // The SDK takes this object for "not known yet", whatever the type says.
    if (!(await mayRead(chosen))) return pulumi.unknown as unknown as Result;
    return ask(chosen, { ...query }, lookUp);
  });
}

/** Known once all of them exist: a resource that a preview would make has no id yet. */
function made(dependsOn: pulumi.InvokeOutputOptions["dependsOn"]): pulumi.Output<unknown> {
  if (dependsOn === undefined) return pulumi.output(undefined);
  return pulumi.output(dependsOn).apply((resources) => {
    const all = Array.isArray(resources) ? resources : [resources];
    return pulumi.all(all.map((one) => (pulumi.CustomResource.isInstance(one) ? one.id : one.urn)));
  });
}

async function askNow<Result>(
  called: string,
  args: object,
  opts: pulumi.InvokeOptions,
  lookUp: LookUp<Result>,
): Promise<Result> {
  const settings = await nowKnown(pulumi.unsecret(providerFor(opts).settings));
  if (settings !== undefined && (await mayRead(settings))) return ask(settings, { ...args }, lookUp);
  const why = settings === undefined ? "its provider's settings aren't known yet" : "coffre:previewReads is false";
  throw new CoffreError("CONFIGURATION", `${called} has no answer in this preview: ${why}`, {
    hint: `Use ${called}Output, whose answer may be unknown.`,
  });
}

async function ask<Result>(settings: Settings, query: Query, lookUp: LookUp<Result>): Promise<Result> {
  const { rootCategory } = await configured(settings);
  return lookUp({ vault: await vaultFor(settings), rootCategory }, query);
}

/** The settings of an instance, `undefined` while they aren't known. */
async function nowKnown(output: pulumi.Output<Settings>): Promise<Settings | undefined> {
  // The SDK declares it for its own use only; without it, a promise of an unknown output would never end.
  const { isKnown } = output as unknown as { isKnown: Promise<boolean> };
  if (!(await isKnown)) return undefined;
  return new Promise((resolve) => void output.apply(resolve));
}
