import { CoffreError } from "./errors.js";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads a point in time: ISO 8601 with time and zone, `2026-12-31T18:00:00Z` or `2026-12-31T18:00+01:00`. A date alone is
 * refused: it doesn't say whether its day still counts, nor whose day it is.
 * @returns the same instant in UTC, as it is kept. @throws CoffreError INVALID_INPUT with `details.field`
 */
export function parseInstant(field: string, text: string): string {
  const instant = INSTANT.test(text) ? new Date(text) : undefined;
  // A 30th of February is the 2nd of March to the language.
  const day = Number(text.slice(8, 10));
  const isRealDay =
    day >= 1 && day <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  if (instant === undefined || Number.isNaN(instant.getTime()) || !isRealDay) {
    throw new CoffreError("INVALID_INPUT", `${field} isn't a time with its zone`, {
      hint: "Write it as 2026-12-31T18:00:00Z, or with another zone as 2026-12-31T18:00:00+01:00.",
      details: { field },
    });
  }
  return instant.toISOString();
}

/** True if the instant, as {@link parseInstant} answers it, has come. Nothing never comes. */
export function hasPassed(instant: string | undefined, now: Date): boolean {
  return instant !== undefined && Date.parse(instant) <= now.getTime();
}
