import { styleText } from "node:util";

/** What went wrong, for a person: no stack of calls helps them. */
export class Trouble extends Error {
  readonly hint: string;
  constructor(problem: string, hint: string) {
    super(problem);
    this.hint = hint;
  }
}

export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

type Style = "bold" | "dim" | "green" | "red";

/** Colours on a terminal, plain text elsewhere and with NO_COLOR. */
export function style(how: Style, text: string): string {
  return styleText(how, text, { stream: process.stdout });
}

/** A step that is done. */
export function done(what: string, detail: string): void {
  print(`  ${style("green", "ok")}  ${what.padEnd(12)} ${detail}`);
}

/** Two columns, indented. */
export function rows(pairs: readonly (readonly [string, string])[]): void {
  const width = Math.max(...pairs.map(([name]) => name.length));
  for (const [name, text] of pairs) print(`  ${style("dim", name.padEnd(width))}  ${text}`);
}
