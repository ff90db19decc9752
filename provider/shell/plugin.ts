import { type Configuration, isRemote, userStateFolder } from "../config/index.js";
import { systemClock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { type OtherKeys, Overview, type ResourceContext } from "../resources/context.js";
import { closeRotationContext, createRotationContext, type RotationContext } from "../rotation/context.js";
import { runHook } from "../target/command/hook.js";
import { allDrivers } from "../target/drivers.js";
import { connectVault } from "../vault/open.js";
import type { Vault } from "../vault/port.js";
import { Witness } from "../witness/witness.js";
import { actor } from "./actor.js";
import { engineAddress, watchEngine } from "./engine-watch.js";
import { limitConcurrency } from "../core/limit.js";
import { configurationOf, otherConfigurationOf } from "./settings.js";
import { type Lookup, STACK_KEY } from "./settings-keys.js";

/** However many resources the engine hands over at once: enough to wait for many targets, few enough for one server. */
const MOST_AT_ONCE = 16;

/**
 * This plugin process: one provider instance, one vault, opened when the first resource needs it. It ends when the
 * engine says so, or is gone: nothing new is begun then, and what is under way is finished under its lease.
 */
class Plugin {
  readonly #stopped = new AbortController();
  readonly #limit = limitConcurrency(MOST_AT_ONCE);
  #context: Promise<ResourceContext> | undefined;
  readonly #witnesses: Witness[] = [];
  readonly #others = new Map<string, Promise<Vault>>();
  #configuration: Configuration | undefined;
  #underWay = 0;
  #watching = false;

  /** What parses targets. */
  readonly drivers: RotationContext["drivers"] = new Map(allDrivers.map((driver) => [driver.kind, driver]));

  /** `coffre:previewReads`: false if `check` and `diff` have to do without the vault. @throws CoffreError CONFIGURATION */
  asksVault(lookup: Lookup): boolean {
    this.#configuration ??= configurationOf(lookup);
    return this.#configuration.previewReads;
  }

  /** Runs a handler with the instance's context. @throws CoffreError CONFIGURATION, VAULT_MISSING, WRONG_KEY, … */
  async run<Result>(lookup: Lookup, work: (context: ResourceContext) => Promise<Result>): Promise<Result> {
    this.#watch();
    this.#underWay++;
    try {
      return await this.#limit(async () => {
        this.#context ??= this.#openContext(lookup);
        return await work(await this.#context);
      });
    } finally {
      this.#underWay--;
      if (this.#stopped.signal.aborted) void this.#exitIfIdle();
    }
  }

  async #openContext(lookup: Lookup): Promise<ResourceContext> {
    const configuration = configurationOf(lookup);
    const stack = lookup(STACK_KEY);
    if (stack === undefined) {
      throw new CoffreError("CONFIGURATION", "The provider was not made by coffre.Provider", {
        hint: "Give the resource no `provider`, or an instance of coffre.Provider.",
      });
    }
    const { vault, witness } = await this.#open(configuration);
    const { signal } = this.#stopped;
    return {
      vault,
      rotation: createRotationContext({ vault, drivers: allDrivers, clock: systemClock, signal, witness, runHook }),
      stack,
      rootCategory: configuration.rootCategory,
      pagesOrigin: configuration.url && isRemote(configuration.url) ? configuration.url.origin : undefined,
      rotateDue: configuration.rotateDue,
      previewReads: configuration.previewReads,
      verifyOnRefresh: configuration.verifyOnRefresh,
      onDrift: configuration.onDrift,
      overview: new Overview(vault, stack),
      declaredAccounts: new Map(),
      declaredPairs: new Map(),
      openOther: (where, keys) => this.#openOther(lookup, where, keys),
      notify: (message) => console.warn(message), // the engine shows it beside the resource
    };
  }

  #openOther(lookup: Lookup, where: string, keys: OtherKeys): Promise<Vault> {
    const key = JSON.stringify([where, keys]);
    const known = this.#others.get(key);
    if (known) return known;
    const opening = this.#open(otherConfigurationOf(lookup, where, keys)).then(({ vault }) => vault);
    this.#others.set(key, opening);
    return opening;
  }

  async #open(configuration: Configuration): Promise<{ vault: Vault; witness: Witness }> {
    const vault = await connectVault(configuration, { actor: actor("pulumi"), clock: systemClock });
    const witness = new Witness({ vault, folder: userStateFolder(process.env) });
    await witness.lost(); // before this run adds to the vault's past
    this.#witnesses.push(witness);
    return { vault, witness };
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    const stop = () => {
      this.#stopped.abort();
      void this.#exitIfIdle();
    };
    process.on("SIGINT", stop); // the engine's word at the end of every operation; it waits 5 s for whoever stays
    process.on("SIGTERM", stop);
    const address = engineAddress(process.argv);
    if (address !== undefined) watchEngine(address, stop);
  }

  async #exitIfIdle(): Promise<void> {
    if (this.#underWay > 0) return;
    const context = await this.#context?.catch(() => undefined);
    if (context) {
      for (const witness of this.#witnesses) await witness.raise(systemClock.now());
      await closeRotationContext(context.rotation).catch(() => undefined);
      await context.vault.close().catch(() => undefined);
      for (const opening of this.#others.values()) await opening.then((vault) => vault.close()).catch(() => undefined);
    }
    process.exit(0);
  }
}

/** One a process: the engine starts a plugin process for each provider instance. */
export const plugin = new Plugin();
