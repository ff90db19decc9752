/** Days of the week, as windows name them, Monday first: ISO 8601's numbers 1 to 7. */
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** A time of day, `00:00` to `23:59`. */
export const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$/;

/** When due rotations may begin: while the clocks of a place show a time within it. */
export interface RotationWindow {
  /** From the first, included, to the second, excluded: `["22:00", "04:00"]` goes past midnight. Never equal. */
  between: [string, string];
  /** IANA name, `Europe/Paris`. */
  timeZone: string;
  /** The days on which it begins. Default: all. */
  days?: Weekday[];
}

/** True if this machine's time-zone data has the zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** `22:00 to 04:00 Europe/Paris on fri, sat` */
export function windowText({ between: [start, end], timeZone, days }: RotationWindow): string {
  return `${start} to ${end} ${timeZone}${days === undefined ? "" : ` on ${days.join(", ")}`}`;
}
