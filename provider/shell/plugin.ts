import { type Configuration, userStateFolder } from "../config/index.js";
import { systemClock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { Overview, type ResourceContext } from "../resources/context.js";
import { closeRotationContext, createRotationContext, type RotationContext } from "../rotation/context.js";
import { allDrivers } from "../target/drivers.js";
import { openVault } from "../vault/open.js";
import { Witness } from "../witness/witness.js";
import { actor } from "./actor.js";
import { engineAddress, watchEngine } from "./engine-watch.js";
import { limitConcurrency } from "../core/limit.js";
import { configurationOf } from "./settings.js";
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
  #witness: Witness | undefined;
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
        this.#context ??= openContext(lookup, this.#stopped.signal, (witness) => (this.#witness = witness));
        return await work(await this.#context);
      });
    } finally {
      this.#underWay--;
      if (this.#stopped.signal.aborted) void this.#exitIfIdle();
    }
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
      await this.#witness?.raise(systemClock.now());
      await closeRotationContext(context.rotation).catch(() => undefined);
      await context.vault.close().catch(() => undefined);
    }
    process.exit(0);
  }
}

/** One a process: the engine starts a plugin process for each provider instance. */
export const plugin = new Plugin();

async function openContext(
  lookup: Lookup,
  signal: AbortSignal,
  keep: (witness: Witness) => void,
): Promise<ResourceContext> {
  const configuration = configurationOf(lookup);
  const stack = lookup(STACK_KEY);
  if (stack === undefined) {
    throw new CoffreError("CONFIGURATION", "The provider was not made by coffre.Provider", {
      hint: "Give the resource no `provider`, or an instance of coffre.Provider.",
    });
  }
  const vault = openVault(configuration, { actor: actor("pulumi"), clock: systemClock });
  const witness = new Witness({ vault, folder: userStateFolder(process.env) });
  await witness.lost(); // before this run adds to the vault's past
  keep(witness);
  return {
    vault,
    rotation: createRotationContext({ vault, drivers: allDrivers, clock: systemClock, signal, witness }),
    stack,
    rootCategory: configuration.rootCategory,
    rotateDue: configuration.rotateDue,
    previewReads: configuration.previewReads,
    overview: new Overview(vault, stack),
    declaredAccounts: new Map(),
    declaredPairs: new Map(),
    notify: (message) => console.warn(message), // the engine shows it beside the resource
  };
}
