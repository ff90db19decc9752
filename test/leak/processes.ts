import { readdirSync, readFileSync } from "node:fs";

const EVERY_MS = 20;

/**
 * Collects the command lines and environments of all processes, again and again, until it is stopped. Children that live
 * shorter than a round are missed now and then; over a run of many seconds the ones that matter are seen.
 */
export class ProcessSampler {
  /** Each text once, with who had it: `argv of pulumi (123)`. */
  readonly seen = new Map<string, string>();
  rounds = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.sample(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One round, beside those that the time brings. */
  sample(): void {
    this.rounds += 1;
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      for (const what of ["cmdline", "environ"]) {
        const text = read(`/proc/${pid}/${what}`);
        if (text !== "" && !this.seen.has(text)) this.seen.set(text, `${what} of process ${pid}`);
      }
    }
  }
}

/** A process that ended in the meantime, or that isn't ours to read, has nothing. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
