import type { Clock } from "../../core/clock.js";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { SharedVault } from "../../vault/records/record-vault.js";
import { type Finding, runScanner, type ScannedFile, type ScannerProgram } from "./run-scanner.js";
import { ScanFolders } from "./scan-folders.js";

export interface ScannerOptions {
  vault: SharedVault;
  program: ScannerProgram;
  clock: Clock;
  /** Told of each file that nobody knows anything about yet, and of what went wrong with the vault. */
  complain: (error: unknown) => void;
}

/** Files at once. */
const LANES = 2;
/** Pauses before another try, in minutes; the last one again and again. */
const PAUSES_MINUTES = [1, 5, 15, 60];
/** How often the vault is asked for what nobody told of: files that another process finished. */
const LOOK_MS = 600_000;

/** A file in quarantine. */
interface Waiting {
  tries: number;
  /** By the clock's milliseconds. */
  dueMs: number;
}

/**
 * Has a program look at every file, one after the other, and lets it out of quarantine once the program says that it is clean.
 * Where it says nothing, the file stays where it is and is looked at again.
 */
export class Scanner {
  readonly #options: ScannerOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #ending = new AbortController();
  #woken = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  #lookMs = 0;
  #opened: Promise<ScanFolders> | undefined;

  constructor(options: ScannerOptions) {
    this.#options = options;
  }

  /**
   * Begins to look at files, until {@link stop}; from now on every file of the vault is in quarantine first. What a server that
   * was killed had in the clear is gone.
   * @throws CoffreError CONFIGURATION where there is no folder that is this user's alone
   */
  async start(): Promise<void> {
    this.#options.vault.ruleFiles({ scanner: this });
    await this.#folders();
    this.#running = this.#run();
  }

  /** A file is in quarantine. */
  arrived(fileId: string): void {
    this.#waiting.set(fileId, { tries: 0, dueMs: 0 });
    this.#woken.resolve();
  }

  /** Ends the program where it runs; its file is looked at after the next start. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#woken.resolve();
    await this.#running;
    const folders = await this.#opened?.catch(() => undefined); // whoever asked for them was told
    await folders?.close();
  }

  /** Opened once, by whoever is first. */
  #folders(): Promise<ScanFolders> {
    const { vault, program, complain } = this.#options;
    const { seconds } = program;
    this.#opened ??= vault.identity().then(({ id }) => ScanFolders.open({ vaultId: id, seconds, complain }));
    return this.#opened;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#woken = Promise.withResolvers();
      await this.scanDue().catch(this.#options.complain);
      if (!signal.aborted && this.#due().length === 0) await this.#pause(signal);
    }
  }

  /** Has all looked at that is due. */
  async scanDue(): Promise<void> {
    const { vault } = this.#options;
    if (this.#now() >= this.#lookMs) {
      this.#lookMs = this.#now() + LOOK_MS; // also where the vault doesn't answer
      for (const id of await vault.quarantined()) if (!this.#waiting.has(id)) this.arrived(id);
    }
    const due = this.#due();
    const lane = async (): Promise<void> => {
      for (let id = due.shift(); id !== undefined && !this.#ending.signal.aborted; id = due.shift())
        await this.#scan(id);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  async #scan(id: string): Promise<void> {
    const { vault, complain } = this.#options;
    try {
      const { file, content } = await vault.boxes.files.read(id, "scanner");
      const finding = await this.#look({ size: file.size ?? 0, content });
      if (finding.clean === undefined) {
        this.#later(id);
        if (!this.#ending.signal.aborted) complain(stays(id, finding.why));
        return;
      }
      await vault.boxes.files.judge(id, finding);
      this.#waiting.delete(id);
    } catch (error) {
      if (isCoffreError(error, "NOT_FOUND", "CONFLICT")) {
        this.#waiting.delete(id); // deleted, or judged by somebody else
        return;
      }
      this.#later(id);
      complain(error);
    }
  }

  async #look(file: ScannedFile): Promise<Finding> {
    const folders = await this.#folders();
    const folder = await folders.make();
    try {
      return await runScanner(this.#options.program, file, { folder, signal: this.#ending.signal });
    } finally {
      await folders.remove(folder);
    }
  }

  #later(id: string): void {
    const tries = this.#waiting.get(id)?.tries ?? 0;
    const minutes = PAUSES_MINUTES[Math.min(tries, PAUSES_MINUTES.length - 1)] ?? 1;
    this.#waiting.set(id, { tries: tries + 1, dueMs: this.#now() + minutes * 60_000 });
  }

  #due(): string[] {
    const now = this.#now();
    return [...this.#waiting].flatMap(([id, { dueMs }]) => (dueMs <= now ? [id] : []));
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const next = Math.min(this.#lookMs, ...[...this.#waiting.values()].map(({ dueMs }) => dueMs));
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const pauseMs = Math.max(1, next - this.#now());
    await Promise.race([this.#woken.promise, this.#options.clock.sleep(pauseMs, either).catch(() => undefined)]);
    over.abort();
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }
}

function stays(id: string, why: string): CoffreError {
  return new CoffreError("UNREACHABLE", `The file ${id} stays in quarantine: ${why}`, {
    hint: "It is tried again, after a minute, then less and less often.",
    details: { fileId: id },
  });
}
