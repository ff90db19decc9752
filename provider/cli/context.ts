import { existsSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { type Configuration, requireUrl, resolveConfiguration } from "../config/index.js";
import { type Clock, systemClock } from "../core/clock.js";
import type { RotationContext } from "../rotation/context.js";
import type { EmbeddedVault } from "../vault/embedded/embedded-vault.js";
import type { Vault } from "../vault/port.js";
import { askHidden } from "./prompt.js";
import { readStackConfiguration } from "./stack-configuration.js";
import { Terminal } from "./terminal.js";

/** Values of the options that every command has. */
export interface GlobalOptions {
  url?: string;
  keyFile?: string;
  passphraseFile?: string;
  json?: boolean;
  quiet?: boolean;
}

/** What may end a command early. */
export interface ProgramSignals {
  /** Ctrl-C or a polite kill. */
  stopped: AbortSignal;
  /** Nobody reads stdout any more. */
  unread: AbortSignal;
}

/** What a command works with. Whatever it opens is closed by the program, however the command ends. */
export class CommandContext {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly clock: Clock = systemClock;
  readonly env: Readonly<Record<string, string | undefined>> = process.env;
  /** Aborted by Ctrl-C or a polite kill: nothing new is begun, what is under way ends. */
  readonly signal: AbortSignal;
  readonly #options: GlobalOptions;
  #vault: Promise<Vault> | undefined;
  #rotation: Promise<RotationContext> | undefined;

  constructor(options: GlobalOptions, { stopped, unread }: ProgramSignals) {
    this.#options = options;
    this.json = options.json === true;
    this.terminal = new Terminal({ quiet: options.quiet === true, unread });
    this.signal = stopped;
  }

  /** The operating system's user and machine: `ana@runner-3`. */
  get user(): string {
    return `${userName()}@${hostname()}`;
  }

  /** Who asks, for the event log: `ana@runner-3 (cli)`. */
  get actor(): string {
    return `${this.user} (cli)`;
  }

  /** The settings in force; without flags those of a command that would be given none. @throws CoffreError CONFIGURATION */
  configuration({ flags = true } = {}): Configuration {
    return resolveConfiguration({
      flags: flags ? { ...this.#options } : {},
      env: this.env,
      stack: readStackConfiguration(process.cwd(), this.env).values,
      cwd: process.cwd(),
    });
  }

  /** The configured vault, opened once. @throws CoffreError CONFIGURATION, VAULT_MISSING, WRONG_KEY, … */
  vault(): Promise<Vault> {
    this.#vault ??= this.#open();
    return this.#vault;
  }

  /** The configured vault, as what only a file can do is asked of it. @throws as {@link vault}, NOT_SUPPORTED */
  async embeddedVault(): Promise<EmbeddedVault> {
    const { EmbeddedVault } = await import("../vault/embedded/embedded-vault.js");
    const { CoffreError } = await import("../core/errors.js");
    const vault = await this.vault();
    if (vault instanceof EmbeddedVault) return vault;
    throw new CoffreError("NOT_SUPPORTED", "Only a vault in a file has keys and a check of its own");
  }

  async #open(): Promise<Vault> {
    let configuration = this.configuration();
    const { path } = requireUrl(configuration);
    if (configuration.key === undefined && this.terminal.canAsk && existsSync(path)) {
      const passphrase = await askHidden("Passphrase of the vault: ");
      configuration = { ...configuration, key: { kind: "passphrase", source: "typed", read: () => passphrase } };
    }
    const { openVault } = await import("../vault/open.js");
    return openVault(configuration, { actor: this.actor, clock: this.clock });
  }

  /** What rotations need, on the configured vault. @throws as {@link vault} */
  rotation(): Promise<RotationContext> {
    this.#rotation ??= this.#createRotation();
    return this.#rotation;
  }

  async #createRotation(): Promise<RotationContext> {
    const [vault, { createRotationContext }, { allDrivers }] = await Promise.all([
      this.vault(),
      import("../rotation/context.js"),
      import("../target/drivers.js"),
    ]);
    const { clock, env, signal } = this;
    return createRotationContext({ vault, drivers: allDrivers, clock, environment: env, signal });
  }

  /** Ends connections; a failure of closing never hides what the command said. */
  async close(): Promise<void> {
    if (this.#rotation) {
      const { closeRotationContext } = await import("../rotation/context.js");
      await this.#rotation.then(closeRotationContext).catch(() => undefined);
    }
    await this.#vault?.then((vault) => vault.close()).catch(() => undefined);
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${String(process.getuid?.() ?? "unknown")}`; // containers run as ids that have no name
  }
}
