import type { Credential, VaultIdentity } from "../vault/port.js";
import { referenceOf } from "../rotation/resolve-reference.js";
import type { CommandContext } from "./context.js";
import { pathText } from "./describe.js";
import { type ErrorShape, errorShape } from "./error-shape.js";

/** How one credential of several came out. */
export type Outcome<T> = { credential: Credential; result: T } | { credential: Credential; error: unknown };

/**
 * Does the same to several credentials, a few at once; one that fails doesn't stop the others, Ctrl-C stops those that
 * have not begun.
 * @returns outcomes in the order in which they ended; credentials that were not begun are missing
 */
export async function forEachCredential<T>(
  context: CommandContext,
  credentials: readonly Credential[],
  {
    parallel,
    doing,
    ended,
    work,
  }: {
    parallel: number;
    /** For the progress line: `rotating`. */
    doing: string;
    /** Told each outcome at once. */
    ended: (outcome: Outcome<T>) => void;
    work: (credential: Credential) => Promise<T>;
  },
): Promise<Outcome<T>[]> {
  const outcomes: Outcome<T>[] = [];
  const waiting = [...credentials];
  const showProgress = () => {
    const next = waiting.length === 0 ? "" : `, ${String(waiting.length)} to go`;
    context.terminal.status(`${doing}: ${String(outcomes.length)} of ${String(credentials.length)} done${next}`);
  };
  const worker = async () => {
    for (let credential = waiting.shift(); credential !== undefined; credential = waiting.shift()) {
      if (context.signal.aborted) return;
      showProgress();
      const outcome = await work(credential).then(
        (result) => ({ credential, result }),
        (error: unknown) => ({ credential, error }),
      );
      outcomes.push(outcome);
      ended(outcome);
      showProgress();
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, credentials.length) }, worker));
  context.terminal.clearStatus();
  return outcomes;
}

/** Prints a failure as a line on stderr with its hint, beside the lines of those that went well. */
export function complainOf({ terminal }: CommandContext, credential: Credential, error: unknown): void {
  const { problem, hint } = errorShape(error);
  const line = problem.includes(pathText(credential)) ? problem : `${pathText(credential)}: ${problem}`;
  terminal.complain(`failed   ${line}${hint === null ? "" : `\n         ${hint}`}`);
}

/** The keys that every item of a bulk command's `--json` has. */
export function itemShape(
  identity: VaultIdentity,
  outcome: Outcome<unknown>,
): { ref: string; id: string; error: ErrorShape | null } {
  const { ref } = referenceOf(identity, outcome.credential);
  return { ref, id: outcome.credential.id, error: "error" in outcome ? errorShape(outcome.error) : null };
}

/** The exit code of several outcomes: what all failures have in common, else 1. */
export function exitCodeOf(outcomes: readonly Outcome<unknown>[]): number {
  const codes = new Set(
    outcomes.flatMap((outcome) => ("error" in outcome ? [errorShape(outcome.error).exitCode] : [])),
  );
  if (codes.size === 0) return 0;
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : 1;
}
