const PLAIN_INTERVAL_MS = 30_000; // how often a log without a terminal hears that something still goes on

/** Tells a person what is being done, on standard error so that standard output stays the result's. */
export interface Progress {
  /** Prints one line. */
  say(line: string): void;
  /** Shows a piece of work with the time it takes; `detail` is asked for how far it is. */
  during<T>(what: string, work: Promise<T>, detail?: () => string): Promise<T>;
}

/** What progress is written to: standard error, or a test's double. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A line that counts the seconds on a terminal; plain lines elsewhere. */
export function createProgress(stream: ProgressStream = process.stderr, intervalMs = PLAIN_INTERVAL_MS): Progress {
  return {
    say: (line) => void stream.write(`${line}\n`),
    async during(what, work, detail = () => "") {
      const began = performance.now();
      const line = () => {
        const seconds = Math.round((performance.now() - began) / 1000);
        return [what, detail(), `${String(seconds)} s`].filter(Boolean).join(", ");
      };
      const live = stream.isTTY === true;
      const draw = () => stream.write(`\r\u001b[K${line().slice(0, (stream.columns ?? 80) - 1)}`);
      if (live) draw();
      else stream.write(`${what} ...\n`);
      const timer = setInterval(() => (live ? draw() : stream.write(`  ${line()}\n`)), live ? 1000 : intervalMs);
      try {
        return await work;
      } finally {
        clearInterval(timer);
        stream.write(live ? `\r\u001b[K${line()}\n` : `  ended: ${line()}\n`);
      }
    },
  };
}

/** For callers that want none of it. */
export const silent: Progress = { say: () => {}, during: (_what, work) => work };
