import { once } from "node:events";
import { styleText } from "node:util";
import { stderr, stdout } from "./streams.js";

type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Where a command reads and writes; tests run the real program, so there is one implementation. */
export class Terminal {
  readonly quiet: boolean;
  /**
   * Aborted once nobody reads stdout any more (`coffre list | head -1`): a rotation goes on and says nothing; what only
   * prints has nothing left to do.
   */
  readonly unread: AbortSignal;
  #statusShown = false;

  constructor({ quiet, unread }: { quiet: boolean; unread: AbortSignal }) {
    this.quiet = quiet;
    this.unread = unread;
  }

  /** Columns of the terminal; 100 where there is none, so that what a script sees doesn't depend on a window. */
  get width(): number {
    return process.stdout.isTTY ? Math.max(40, process.stdout.columns || 80) : 100;
  }

  /** True if frames and ticks can be shown; pipes get them too, a terminal that says it isn't UTF-8 doesn't. */
  get unicode(): boolean {
    const { LC_ALL, LC_CTYPE, LANG } = process.env;
    const locale = LC_ALL || LC_CTYPE || LANG || "";
    return locale === "" || locale === "C" ? !process.stdout.isTTY : /utf-?8/i.test(locale);
  }

  /** True if a person sits there who can be asked. */
  get canAsk(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY;
  }

  /** Styles for stdout; `NO_COLOR` and pipes get plain text. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }

  /** What was asked for, on stdout: a line. */
  print(line = ""): void {
    this.write(`${line}\n`);
  }

  /** The same without a line's end, or bytes as they are. */
  write(text: string | Uint8Array): void {
    this.clearStatus();
    if (!this.unread.aborted) stdout().write(text);
  }

  /** Waits until what was written has been taken, so that a slow reader holds up the writer and fills no memory. */
  async drained(signal: AbortSignal): Promise<void> {
    const stream = stdout();
    if (!stream.writableNeedDrain || this.unread.aborted) return;
    // A reader that goes away, or a Ctrl-C, ends the wait: what called looks at both itself.
    await once(stream, "drain", { signal: AbortSignal.any([signal, this.unread]) }).catch(() => undefined);
  }

  /** One JSON value on stdout. */
  json(value: unknown): void {
    this.print(JSON.stringify(value, undefined, 2));
  }

  /** What a person should know beside the answer, on stderr; not with `--quiet`. */
  note(line: string): void {
    if (!this.quiet) this.complain(line);
  }

  /** A note that something isn't as it should be. */
  warn(line: string): void {
    this.note(`${styleText("yellow", "warning:", { stream: process.stderr })} ${line}`);
  }

  /** A line on stderr, whatever was asked. */
  complain(line: string): void {
    this.clearStatus();
    stderr().write(`${line}\n`);
  }

  /** A line that the next output overwrites: progress, on a terminal only. */
  status(line: string): void {
    if (this.quiet || !process.stderr.isTTY) return;
    const columns = Math.max(20, process.stderr.columns || 80) - 1;
    stderr().write(`\r\u001b[K${line.length > columns ? line.slice(0, columns) : line}`);
    this.#statusShown = true;
  }

  /** Takes the progress line away. */
  clearStatus(): void {
    if (!this.#statusShown) return;
    stderr().write("\r\u001b[K");
    this.#statusShown = false;
  }
}

/**
 * Text of the vault, fit for a terminal: control characters, which could move the cursor or hide a line, are shown as
 * what they are.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
