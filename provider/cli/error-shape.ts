import { isCoffreError } from "../core/errors.js";

/** An error as `--json` shows it. */
export interface ErrorShape {
  code: string;
  problem: string;
  hint: string | null;
  details: Record<string, string | number | boolean>;
  exitCode: number;
}

export function errorShape(error: unknown): ErrorShape {
  if (isCoffreError(error)) {
    const { code, problem, hint, details, exitCode } = error;
    return { code, problem, hint: hint ?? null, details, exitCode };
  }
  // Not ours, so a mistake of ours: the message may help whoever mends it.
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : "Something was thrown that is no error";
  return {
    code: "UNEXPECTED",
    problem,
    hint: "This is a mistake in Coffre: please report it.",
    details: {},
    exitCode: 1,
  };
}
