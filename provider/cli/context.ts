import { hostname, userInfo } from "node:os";
import {
  type Configuration,
  type ConfigurationInput,
  isRemote,
  type LockselfUrl,
  readTransitUrl,
  resolveConfiguration,
  resolveOtherVault,
  type ServerUrl,
  userStateFolder,
  type VaultKeys,
} from "../config/index.js";
import { type Clock, systemClock } from "../core/clock.js";
import type { RotationContext } from "../rotation/context.js";
import type { EmbeddedVault, TransitKey } from "../vault/embedded/embedded-vault.js";
import type { Vault } from "../vault/port.js";
import type { Witness } from "../witness/witness.js";
import { readStackConfiguration } from "./stack-configuration.js";
import { Terminal } from "./terminal.js";
import { withTypedPassphrase } from "./typed-passphrase.js";

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

  constructor(options: GlobalOptions, { stopped, handOver, unread }: ProgramSignals) {
    this.#options = options;
    this.json = options.json === true;
    this.terminal = new Terminal({ quiet: options.quiet === true, unread });
    this.signal = stopped;
    this.handSignalsOver = handOver;
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
    const stack = readStackConfiguration(process.cwd(), this.env).values;
    return { flags, env: this.env, stack, cwd: process.cwd() };
  }

  /** The configured vault, opened once. @throws CoffreError CONFIGURATION, VAULT_MISSING, WRONG_KEY, … */
  vault(): Promise<Vault> {
    this.#vault ??= this.#openConfigured();
    return this.#vault;
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
    return (await this.#open(found)).vault;
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

  /** Makes an empty vault on a server, by the login that is configured. @throws CoffreError CONFLICT if there is one */
  async makeServerVault(url: ServerUrl | LockselfUrl, name: string): Promise<{ id: string; name: string }> {
    if ("space" in url) {
      const [{ createLockselfVault }, { lockselfPlace }] = await Promise.all([
        import("../vault/lockself/create.js"),
        import("../vault/open.js"),
      ]);
      return createLockselfVault({ ...lockselfPlace(url, this.configuration()), name, clock: this.clock });
    }
    const [{ createHashicorpVault }, { serverPlace }] = await Promise.all([
      import("../vault/hashicorp/create.js"),
      import("../vault/open.js"),
    ]);
    return createHashicorpVault({ ...serverPlace(url, this.configuration()), name, clock: this.clock });
  }

  async #openConfigured(direct?: { front: string }): Promise<Vault> {
    const { vault, witness, throughAgent } = await this.#open(this.configuration(), direct);
    this.#witness = witness;
    this.throughAgent = throughAgent;
    return vault;
  }

  async #open(found: Configuration, direct?: { front: string }) {
    const [{ agentVault }, { Witness }] = await Promise.all([
      import("../vault/agent-vault.js"),
      import("../witness/witness.js"),
    ]);
    const agents = direct ? undefined : await agentVault(found);
    const vault = agents ?? (await this.#openItself(found, direct));
    const witness = new Witness({ vault, folder: this.stateFolder });
    const lost = await witness.lost().catch(async (error: unknown) => {
      await vault.close();
      throw error;
    });
    this.#witnesses.push(witness);
    if (lost) this.terminal.warn(`this vault is older than what was seen of it here on ${lost.at}. ${OLDER}`);
    return { vault, witness, throughAgent: agents !== undefined };
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

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${String(process.getuid?.() ?? "unknown")}`; // containers run as ids that have no name
  }
}
