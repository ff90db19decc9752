import { hostname } from "node:os";
import {
  type Configuration,
  type ConfigurationInput,
  isRemote,
  readTransitUrl,
  resolveConfiguration,
  resolveOtherVault,
  userStateFolder,
  type VaultKeys,
} from "../config/index.js";
import { type Clock, systemClock } from "../core/clock.js";
import type { RotationContext } from "../rotation/context.js";
import type { EmbeddedVault, TransitKey } from "../vault/embedded/embedded-vault.js";
import type { Vault } from "../vault/port.js";
import type { Witness } from "../witness/witness.js";
import { type OpenedVault, openThroughAgent, withWitness } from "./opened-vault.js";
import { readStackSettings } from "./stack-configuration.js";
import { Terminal } from "./terminal.js";
import { withTypedPassphrase } from "./typed-passphrase.js";
import { userName } from "./user-name.js";

/** Values of the options that every command has. */
export interface GlobalOptions {
  url?: string;
  keyFile?: string;
  passphraseFile?: string;
  transitKey?: string;
  tokenFile?: string;
  json?: boolean;
  quiet?: boolean;
}

/** What may end a command early. */
export interface ProgramSignals {
  /** Ctrl-C or a polite kill. */
  stopped: AbortSignal;
  /** Lets signals end the command no more: whoever called passes them on to the process that they are for. */
  handOver: () => void;
  /** Whether a signal ends the program at once: while nothing is under way that has to be finished. */
  endAtOnce: (yes: boolean) => void;
  /** Nobody reads stdout any more. */
  unread: AbortSignal;
}

const OLDER =
  "Nothing is rotated until `coffre verify --all` has found what the targets accept, and `coffre resolve --accept-rollback` has decided.";

/** One thing that `coffre doctor` looked at. `ok: undefined`: neither good nor bad, only worth knowing. */
export interface Check {
  check: string;
  ok: boolean | undefined;
  detail: string;
  hint?: string;
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
  #vaultName = "";
  readonly #others: Promise<Vault>[] = [];
  /** Of every vault that was opened. */
  readonly #witnesses: Witness[] = [];
  #witness: Witness | undefined;
  #rotation: Promise<RotationContext> | undefined;
  #closed: Promise<void> | undefined;
  /** Whether an agent answers for the configured vault. */
  throughAgent = false;

  /** As {@link ProgramSignals.handOver}. */
  readonly handSignalsOver: () => void;
  readonly #endAtOnce: (yes: boolean) => void;

  constructor(options: GlobalOptions, { stopped, handOver, endAtOnce, unread }: ProgramSignals) {
    this.#options = options;
    this.json = options.json === true;
    this.terminal = new Terminal({ quiet: options.quiet === true, unread });
    this.signal = stopped;
    this.handSignalsOver = handOver;
    this.#endAtOnce = endAtOnce;
  }

  /** Does what changes nothing, and may be left at any moment: a signal ends the program at once, whoever doesn't answer it. */
  async interruptible<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#endAtOnce(true);
    try {
      return await work();
    } finally {
      this.#endAtOnce(false);
    }
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
    return resolveConfiguration(this.#configurationInput(flags ? { ...this.#options } : {}));
  }

  #configurationInput(flags: Record<string, unknown>): ConfigurationInput {
    const stack = readStackSettings(process.cwd(), this.env);
    return { flags, env: this.env, stack, cwd: process.cwd() };
  }

  /** The configured vault, opened once. @throws CoffreError CONFIGURATION, VAULT_MISSING, WRONG_KEY, … */
  vault(): Promise<Vault> {
    this.#vault ??= this.#openConfigured();
    return this.#vault;
  }

  /** The configured vault and its name, without asking for that again. @throws as {@link vault} */
  async namedVault(): Promise<{ vault: Vault; name: string }> {
    return { vault: await this.vault(), name: this.#vaultName };
  }

  /**
   * A vault besides the configured one, opened.
   * @param where its URL, or the name that `vaults:` gives it
   * @throws CoffreError CONFIGURATION, VAULT_MISSING, WRONG_KEY, …
   */
  otherVault(where: string, keys: VaultKeys): Promise<Vault> {
    const opening = this.#openOther(where, keys);
    this.#others.push(opening);
    return opening;
  }

  async #openOther(where: string, keys: VaultKeys): Promise<Vault> {
    const found = resolveOtherVault(this.#configurationInput({ ...this.#options }), where, keys);
    const { vault, witness } = await this.#open(found);
    this.#witnesses.push(witness);
    return vault;
  }

  /**
   * The configured vault itself, also where an agent could answer for it.
   * @param front what the events name besides user and machine
   * @throws as {@link vault}
   */
  directVault(front: string): Promise<Vault> {
    this.#vault ??= this.#openConfigured({ front });
    return this.#vault;
  }

  /** The configured vault, as what only a file can do is asked of it. @throws as {@link vault}, NOT_SUPPORTED */
  async embeddedVault(): Promise<EmbeddedVault> {
    const { EmbeddedVault } = await import("../vault/embedded/embedded-vault.js");
    const { CoffreError } = await import("../core/errors.js");
    const vault = await this.directVault("cli");
    if (vault instanceof EmbeddedVault) return vault;
    throw new CoffreError(
      "NOT_SUPPORTED",
      "Only a vault in a file can be served, and has tokens, keys, backups and a check of its own",
      {
        hint: adviceElsewhere(this.configuration()),
      },
    );
  }

  /** A key in a transit engine, as an option names it, with the login that is configured. @throws CoffreError CONFIGURATION */
  async transitKey(text: string, source: string): Promise<TransitKey> {
    const { transitKeyAt } = await import("../vault/open.js");
    const url = readTransitUrl(text, { ...this.#configurationInput({}), source });
    return transitKeyAt(url, this.configuration());
  }

  /** The one that is configured to open the vault. @throws CoffreError CONFIGURATION */
  async configuredTransitKey(): Promise<TransitKey | undefined> {
    const configuration = this.configuration();
    const { transitKeyAt } = await import("../vault/open.js");
    return configuration.transitKey && transitKeyAt(configuration.transitKey, configuration);
  }

  /**
   * Opens the configured vault if an agent's answer is all that it takes. What fails is said by {@link vault}.
   * @returns false if it takes more, or a warning is due: nothing is open then, and nothing was said
   */
  async openQuickly(): Promise<boolean> {
    try {
      const opened = await openThroughAgent(this.configuration(), this.stateFolder);
      if (opened?.lost) await opened.vault.close();
      if (!opened || opened.lost) return false;
      this.#vault = Promise.resolve(this.#configured(opened));
    } catch (error) {
      const reason = error as Error;
      this.#vault = Promise.reject(reason);
      this.#vault.catch(() => undefined); // a command that asks for no vault doesn't hear of it
    }
    return true;
  }

  async #openConfigured(direct?: { front: string }): Promise<Vault> {
    return this.#configured(await this.#open(this.configuration(), direct));
  }

  #configured({ vault, name, witness, throughAgent }: OpenedVault): Vault {
    this.#witnesses.push(witness);
    this.#vaultName = name;
    this.#witness = witness;
    this.throughAgent = throughAgent;
    return vault;
  }

  async #open(found: Configuration, direct?: { front: string }): Promise<OpenedVault> {
    const agents = direct ? undefined : await openThroughAgent(found, this.stateFolder);
    const opened = agents ?? (await withWitness(await this.#openItself(found, direct), this.stateFolder));
    const { lost } = opened;
    if (lost) this.terminal.warn(`this vault is older than what was seen of it here on ${lost.at}. ${OLDER}`);
    return opened;
  }

  /** Every kind of vault is loaded with it: what an agent answers needs none of them. */
  async #openItself(found: Configuration, direct?: { front: string }): Promise<Vault> {
    const { openVault } = await import("../vault/open.js");
    const actor = direct ? `${this.user} (${direct.front})` : this.actor;
    return openVault(await withTypedPassphrase(found, this.terminal), { actor, clock: this.clock });
  }

  /** Where it is remembered how far vaults had come. */
  get stateFolder(): string {
    return userStateFolder(this.env);
  }

  /** A note for people who haven't read it: on a terminal, once for each vault and user, where that can be remembered. */
  async noteOnce(name: string, line: string): Promise<void> {
    const { terminal } = this;
    if (terminal.quiet || !process.stderr.isTTY) return;
    const { id } = await (await this.vault()).identity();
    const { isFirstTime } = await import("../witness/seen.js");
    if (isFirstTime(this.stateFolder, `${id}.${name}`)) terminal.note(line);
  }

  /** Whether an older copy of the vault would be noticed here. */
  async checkWitness(): Promise<Check> {
    const check = "witness";
    const { isWritable } = await import("../witness/seen.js");
    const lost = await this.#witness?.lost();
    if (lost)
      return { check, ok: false, detail: `the vault is older than what was seen of it on ${lost.at}`, hint: OLDER };
    if (isWritable(this.stateFolder)) return { check, ok: true, detail: `kept in ${this.stateFolder}` };
    return {
      check,
      ok: undefined,
      detail: `${this.stateFolder} can't be written: an older copy of the vault's file is noticed by Pulumi states only`,
      hint: "Set XDG_STATE_HOME to a folder of yours that lasts.",
    };
  }

  /** What rotations need, on the configured vault. @throws as {@link vault} */
  rotation(): Promise<RotationContext> {
    this.#rotation ??= this.#createRotation();
    return this.#rotation;
  }

  async #createRotation(): Promise<RotationContext> {
    const [vault, { createRotationContext }, { allDrivers }, { runHook }] = await Promise.all([
      this.vault(),
      import("../rotation/context.js"),
      import("../target/drivers.js"),
      import("../target/command/hook.js"),
    ]);
    const { clock, env, signal } = this;
    const witness = this.#witness;
    return createRotationContext({
      vault,
      drivers: allDrivers,
      clock,
      environment: env,
      signal,
      runHook,
      ...(witness === undefined ? {} : { witness }),
    });
  }

  /** Ends connections, once; a failure of closing never hides what the command said. Nothing is opened after it. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    if (this.#rotation) {
      const { closeRotationContext } = await import("../rotation/context.js");
      await this.#rotation.then(closeRotationContext).catch(() => undefined);
    }
    for (const witness of this.#witnesses) await witness.raise(this.clock.now());
    for (const opening of [this.#vault, ...this.#others]) {
      await opening?.then((vault) => vault.close()).catch(() => undefined);
    }
  }
}

/** What to do where what only a vault in a file can do was asked of another. */
function adviceElsewhere({ url }: Configuration): string {
  if (url?.scheme === "kdbx")
    return "A KeePass file is only read here: `coffre move --from kdbx:///… --keep` copies its entries into a vault.";
  if (url !== undefined && isRemote(url)) return "Run it on the machine of `coffre serve`, on the vault's file.";
  return "This one is kept by a server: its snapshots are the backups, its logins are the keys.";
}
