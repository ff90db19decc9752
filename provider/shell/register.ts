import * as pulumi from "@pulumi/pulumi";
import type { SettingName } from "../config/index.js";
import { CoffreError } from "../core/errors.js";
import { didYouMean } from "../core/nearest.js";
import { ownerKey } from "../core/owner-key.js";
import type { Kind } from "./front.js";
import { mayRead } from "./program-vault.js";
import { isSecretSetting, isSetting, OWN_PREFIX, SETTING_NAMES, STACK_KEY, STACK_PREFIX } from "./settings-keys.js";

/** Which vault a provider instance works on; what is left out comes from the environment and `coffre.yaml`. */
export interface ProviderArgs {
  /** The vault's URL, `file://./coffre.db` (relative to the folder of Pulumi.yaml). */
  url?: pulumi.Input<string> | undefined;
  /** Where resources without a category stand: names with `/` between them. Default: the vault's root. */
  rootCategory?: pulumi.Input<string> | undefined;
  /**
   * Default true. False: neither a preview nor the diff of an up asks the vault, for runners that preview without a key;
   * newer versions and what is due are then seen at refresh only, and passwords are unknown in previews.
   */
  previewReads?: pulumi.Input<boolean> | undefined;
  /**
   * Default false. True: `pulumi refresh` logs in to every target to see whether it has what the vault has, at the cost of
   * one refused login for each host at most.
   */
  verifyOnRefresh?: pulumi.Input<boolean> | undefined;
  /**
   * What an `up` does about a target that was found to have another password. Default `mend`: its admin sets the vault's
   * current one again. `report`: it only says so.
   */
  onDrift?: pulumi.Input<"mend" | "report"> | undefined;
  /** Path of the key file that opens this vault. */
  keyFile?: pulumi.Input<string> | undefined;
  /** Path of a file with the passphrase that opens this vault. */
  passphraseFile?: pulumi.Input<string> | undefined;
  /** URL of a transit key that opens this vault, a file: see docs/vaults/transit.md. */
  transitKey?: pulumi.Input<string> | undefined;
  /** Path of a file with the token that this vault's server asks for. */
  tokenFile?: pulumi.Input<string> | undefined;
}

/** The plugin that runs the resources' code: the SDK's own dynamic provider. */
const PLUGIN = "pulumi-nodejs";
const PACKAGE = "coffre";

/**
 * Chooses a vault for the resources that are given it: `new coffre.Credential(…, { provider: robots })`. Children of a
 * component inherit it through `providers`. An instance with a URL of its own takes nothing of the stack's
 * configuration but `coffre:rotateDue`; one without, and the one that is made where a program makes none, takes all.
 */
export class Provider extends pulumi.ProviderResource {
  /** @internal What the instance is configured to, for values that the program itself reads. */
  readonly settings: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: ProviderArgs = {}, opts: pulumi.ResourceOptions = {}) {
    const fromStack = args.url === undefined ? SETTING_NAMES.filter((setting) => setting !== "owner") : ROTATE_DUE;
    const properties: Record<string, pulumi.Input<string>> = {
      ...ownSettings(args),
      ...stackSettings(fromStack),
      [STACK_KEY]: stackName(),
    };
    super(PLUGIN, name, properties, opts);
    this.settings = pulumi.output(properties);
  }

  /** @internal The SDK hands an instance on to children by package; theirs is coffre, not the plugin's. */
  getPackage(): string {
    return PACKAGE;
  }
}

const ROTATE_DUE: readonly SettingName[] = ["rotateDue"];

/** @throws CoffreError CONFIGURATION for a misspelt one: passed over, a misspelt `url` would mean the stack's vault instead */
function ownSettings(args: ProviderArgs): Record<string, pulumi.Input<string>> {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  const unknown = given.find(([name]) => !isSetting(name));
  if (unknown !== undefined) {
    throw new CoffreError("CONFIGURATION", `A provider has no property ${misspelt(unknown[0])}`, {
      hint: "docs/resources/provider.md lists them.",
    });
  }
  return Object.fromEntries(
    given.map(([name, value]) => [`${OWN_PREFIX}${name}`, pulumi.output(value).apply((known) => String(known))]),
  );
}

/** Tells of settings that are none: nothing else would, and what they were meant to set is another than its author thinks. */
function warnOfMisspelt(): void {
  if (pulumi.getProject() === PACKAGE) return; // its own keys have the same prefix
  for (const key of Object.keys(pulumi.runtime.allConfig())) {
    const name = key.startsWith(STACK_PREFIX) ? key.slice(STACK_PREFIX.length) : undefined;
    if (name === undefined || isSetting(name)) continue;
    void pulumi.log.warn(`The stack's configuration has ${key}, and Coffre has no setting ${misspelt(name)}`);
  }
}

function misspelt(name: string): string {
  return JSON.stringify(name) + didYouMean(name, SETTING_NAMES);
}

function stackSettings(names: readonly SettingName[]): Record<string, pulumi.Input<string>> {
  const config = new pulumi.Config(PACKAGE);
  const found: Record<string, pulumi.Input<string>> = {};
  for (const name of names) {
    const value = isSecretSetting(name) ? config.getSecret(name) : config.get(name);
    if (value !== undefined) found[`${STACK_PREFIX}${name}`] = value;
  }
  return found;
}

// The engine forgets its resources after each run of a program, and one process can run several: the stack's resource is
// a run's own, or in a program's tests, which have none, the engine that they play.
const instances = new WeakMap<object, Provider>();
const NO_RUN = {};

function defaultProvider(): Provider {
  const run = pulumi.runtime.getStackResource() ?? pulumi.runtime.getMonitor() ?? NO_RUN;
  const known = instances.get(run);
  if (known) return known;
  warnOfMisspelt();
  const made = new Provider(PACKAGE);
  instances.set(run, made);
  return made;
}

/**
 * The options with which a resource of ours is registered: the provider that the program chose or a parent hands on, or
 * the default one; and deletion before a replacement, since two live entries can't have one name and one account.
 */
export function dynamicOptions(opts: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions {
  const provider = chosenProvider(opts);
  const looked = opts.id === undefined ? {} : { id: idToRead(opts.id, provider) };
  return { ...opts, ...looked, provider, deleteBeforeReplace: true };
}

/** The id of what a `get` reads. An unknown one is read by nobody: for a preview that asks nothing of the vault. */
function idToRead(id: pulumi.Input<pulumi.ID>, provider: pulumi.ProviderResource): pulumi.Input<pulumi.ID> {
  if (!pulumi.runtime.isDryRun() || !(provider instanceof Provider)) return id;
  const chosen = pulumi.all([id, pulumi.unsecret(provider.settings)]);
  // The SDK takes this object for "not known yet", whatever the type says.
  return chosen.apply(async ([known, settings]) =>
    (await mayRead(settings)) ? known : (pulumi.unknown as unknown as pulumi.ID),
  );
}

function chosenProvider(opts: Pick<pulumi.CustomResourceOptions, "parent" | "provider">): pulumi.ProviderResource {
  const parent = opts.parent ?? pulumi.runtime.getStackResource();
  return opts.provider ?? parent?.getProvider(`${PACKAGE}:index:`) ?? defaultProvider();
}

/** The instance whose vault a function asks: chosen as for a resource. @throws CoffreError CONFIGURATION for one of another kind */
export function providerFor(opts: pulumi.InvokeOptions): Provider {
  return requireOurs(chosenProvider(opts));
}

/** The instance that a resource of ours was registered with. @throws CoffreError CONFIGURATION for one of another kind */
export function providerOf(resource: pulumi.Resource): Provider {
  return requireOurs(resource.getProvider(`${PACKAGE}:index:`));
}

function requireOurs(provider: pulumi.ProviderResource | undefined): Provider {
  if (provider instanceof Provider) return provider;
  throw new CoffreError("CONFIGURATION", "The provider was not made by coffre.Provider", {
    hint: "Give no `provider`, or an instance of coffre.Provider.",
  });
}

/**
 * The code of a resource as its state keeps it: what the SDK's closure serializer would say in five times as many bytes,
 * twice in each resource's state, about a module that is imported whole.
 */
export function serialized(name: Kind): string {
  return `exports.handler=()=>require("${PACKAGE}/dynamic/${name}")`;
}

/** Where a resource is declared, for the mark in the vault: see `protocol.md` section 6. */
export function declaredAt(kind: string, name: string, opts: pulumi.CustomResourceOptions): string {
  const owner = ownerName();
  return ownerKey({
    ...(owner === undefined ? {} : { owner }),
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    parentTypes: typesOf(opts.parent),
    kind,
    name,
  });
}

function typesOf(parent: pulumi.Resource | undefined): string[] {
  // The SDK keeps both for itself and declares neither; the URN, which holds the same, is known only later.
  const known = parent as { __pulumiType?: string; __parentResource?: pulumi.Resource } | undefined;
  if (known?.__pulumiType === undefined || known.__pulumiType === STACK_TYPE) return [];
  return [...typesOf(known.__parentResource), known.__pulumiType];
}

const STACK_TYPE = "pulumi:pulumi:Stack";

function stackName(): string {
  const owner = ownerName();
  const names = [organization(), pulumi.getProject(), pulumi.getStack()];
  return [...(owner === undefined ? [] : [owner]), ...names].join("/");
}

/** The word that a backend without organizations has for it stands in also where a program's own tests name none. */
function organization(): string {
  try {
    return pulumi.getOrganization();
  } catch {
    return "organization";
  }
}

/** `coffre:owner`, by the one precedence: the environment first. */
function ownerName(): string | undefined {
  return process.env["COFFRE_OWNER"] || new pulumi.Config(PACKAGE).get("owner");
}
