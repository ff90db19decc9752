import type { Terminal } from "./terminal.js";

/**
 * Says that a command which looks at all credentials had none to look at: a nightly job whose grant has ended would else
 * be told for ever that nothing is due.
 */
export function warnOfNone(terminal: Terminal): void {
  terminal.warn(
    "the vault shows no credential to you: it has none, or no grant of yours holds. Nothing was looked at.",
  );
}
