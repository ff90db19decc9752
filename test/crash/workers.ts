import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Job, JobResult } from "./job.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Workers load what was built, as users do, and start in half the time: `npm test` and `npm run crash` build first. */
const HOOK = join(ROOT, "tools/built.ts");
const WORKER = join(import.meta.dirname, "worker.ts");

/** How a job ended: by its own result, or by a kill. */
export type Ended = { killed: true } | { killed: false; result: JobResult };

/** One process that rotates. */
export class Worker {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #ready: Promise<unknown>;
  readonly #exited: Promise<unknown>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--import", HOOK, WORKER], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: "", NODE_COMPILE_CACHE: join(ROOT, "test/.work/compile-cache"), ...env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdin.on("error", () => {}); // a killed worker reads no more
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#exited = once(this.#child, "exit");
    this.#ready = Promise.race([once(this.#lines, "line"), this.#exited]);
  }

  /** Gives it a job and waits for its end. */
  async run(job: Job): Promise<Ended> {
    await this.#ready;
    const line = once(this.#lines, "line");
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    const answer = await Promise.race([line.then(([text]) => String(text)), this.#exited.then(() => undefined)]);
    // Our worker's own line.
    if (answer !== undefined) return { killed: false, result: JSON.parse(answer) as JobResult };
    if (this.#child.signalCode === "SIGKILL") return { killed: true };
    throw new Error(`a worker ended by itself: ${String(this.#child.signalCode ?? this.#child.exitCode)}`);
  }

  /** Kills it from outside, as `kill -9` does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Lets it end, and waits until it is gone. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#exited;
  }
}

/**
 * Keeps a worker warm for the next job, since starting one takes most of a point's time. A worker that was cut off, or
 * whose reply was lost, has ended; one that did an ordinary run serves other credentials, to which it is a fresh process.
 */
export class Workers {
  readonly #env: Readonly<Record<string, string>>;
  readonly #idle: { worker: Worker; served: Set<string> }[] = [];
  #warm: Worker | undefined;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = env;
  }

  /** Runs a job in a process that has never had to do with its credential. */
  async run(job: Job, onStart?: (worker: Worker) => void): Promise<Ended> {
    const found = this.#idle.findIndex(({ served }) => !served.has(job.credentialId));
    const [kept] = found < 0 || job.cut || onStart ? [] : this.#idle.splice(found, 1);
    const { worker, served } = kept ?? { worker: this.#next(), served: new Set<string>() };
    const running = worker.run(job);
    onStart?.(worker);
    const ended = await running;
    served.add(job.credentialId);
    if (ended.killed) return ended;
    // As a command ends after a failure: its lease, if it still has one, is a dead process's.
    if (job.cut || onStart || !ended.result.ok) await worker.end();
    else this.#idle.push({ worker, served });
    return ended;
  }

  async close(): Promise<void> {
    const all = [...this.#idle.splice(0).map(({ worker }) => worker), ...(this.#warm ? [this.#warm] : [])];
    this.#warm = undefined;
    await Promise.all(all.map((worker) => worker.end()));
  }

  #next(): Worker {
    const worker = this.#warm ?? new Worker(this.#env);
    this.#warm = new Worker(this.#env);
    return worker;
  }
}
