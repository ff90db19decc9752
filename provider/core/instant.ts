import { CoffreError } from "./errors.js";

const DATE = /^(\d{4})-(\d\d)-(\d\d)/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads a point in time: ISO 8601 with time and zone, `2026-12-31T18:00:00Z` or `2026-12-31T18:00+01:00`. A date alone is
 * refused: it doesn't say whether its day still counts, nor whose day it is.
 * @param hint how it is written, where it may be written otherwise too
 * @returns the same instant in UTC, as it is kept. @throws CoffreError INVALID_INPUT with `details.field`
 */
export function parseInstant(
  field: string,
  text: string,
  hint = "Write it as 2026-12-31T18:00:00Z, or with another zone as 2026-12-31T18:00:00+01:00.",
): string {
  const refused = (problem: string) =>
    new CoffreError("INVALID_INPUT", `${field} ${problem}`, { hint, details: { field } });
  const [date, year, month, day] = (DATE.exec(text) ?? []).map(Number);
  if (date !== undefined && !isRealDay(Number(year), Number(month), Number(day)))
    throw refused("names a day that doesn't exist");
  const instant = INSTANT.test(text) ? new Date(text) : undefined;
  if (instant === undefined || Number.isNaN(instant.getTime())) throw refused("isn't a time with its zone");
  return instant.toISOString();
}

/** A 30th of February is the 2nd of March to the language. */
function isRealDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** True if the instant, as {@link parseInstant} answers it, has come. Nothing never comes. */
export function hasPassed(instant: string | undefined, now: Date): boolean {
  return instant !== undefined && Date.parse(instant) <= now.getTime();
}
