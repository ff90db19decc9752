import { Temporal } from "temporal-polyfill";
import { CoffreError } from "./errors.js";
import { isTimeZone, type RotationWindow, WEEKDAYS } from "./window.js";

/** One stretch of time in which a window is open. */
export interface Opening {
  from: Date;
  /** The first moment after it. */
  until: Date;
}

/** A window that begins on one day of the week, and there in an hour that the clocks skip, opens a week later. */
const LOOK_AHEAD_DAYS = 15;

/**
 * The opening of a window that `now` is in, its `from` being `now` then, or else the next one.
 *
 * A window is open exactly while the clocks of its zone show a time within it. So an hour that comes twice counts both
 * times, an hour that is skipped shortens the window, and one that lies wholly in it doesn't open on that day.
 * @throws CoffreError CONFIGURATION for a zone that this machine doesn't know
 */
export function nextOpening(window: RotationWindow, now: Date): Opening {
  if (!isTimeZone(window.timeZone)) {
    throw new CoffreError("CONFIGURATION", `This machine knows no time zone ${JSON.stringify(window.timeZone)}`, {
      hint: "Bring Node.js up to date: its time-zone data is older than the declaration's.",
    });
  }
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(window.timeZone).toPlainDate();
  // One that began yesterday may still be open.
  for (let days = -1; days <= LOOK_AHEAD_DAYS; days++) {
    const opening = openingsOn(window, today.add({ days })).find(({ until }) => until > now);
    if (opening) return opening.from < now ? { ...opening, from: now } : opening;
  }
  throw new CoffreError("INVALID_INPUT", "The window of the rotation never opens");
}

/** What begins on this day, in order. */
function openingsOn({ between: [start, end], timeZone, days }: RotationWindow, date: Temporal.PlainDate): Opening[] {
  const weekday = WEEKDAYS[date.dayOfWeek - 1];
  if (days !== undefined && (weekday === undefined || !days.includes(weekday))) return [];
  const endDate = end < start ? date.add({ days: 1 }) : date;
  const from = instantsOf(date.toPlainDateTime(start), timeZone);
  const until = instantsOf(endDate.toPlainDateTime(end), timeZone);
  const changed = from.changed ?? until.changed;
  const openings =
    changed === undefined
      ? [{ from: from.first, until: until.first }]
      : [
          { from: from.first, until: until.changed === undefined ? changed : until.first },
          { from: from.changed === undefined ? changed : from.last, until: until.last },
        ];
  return openings
    .filter((opening) => opening.from < opening.until)
    .map((opening) => ({ from: new Date(opening.from), until: new Date(opening.until) }));
}

interface Instants {
  /** Milliseconds since 1970. Of a time that is skipped, the moment of the skip. */
  first: number;
  /** The same as the first, except of a time that comes twice. */
  last: number;
  /** When the clocks are set back, of a time that comes twice. */
  changed?: number;
}

/** The moments at which the clocks of a zone show this. */
function instantsOf(shown: Temporal.PlainDateTime, timeZone: string): Instants {
  const first = shown.toZonedDateTime(timeZone, { disambiguation: "earlier" });
  const last = shown.toZonedDateTime(timeZone, { disambiguation: "later" });
  if (first.equals(last)) return { first: first.epochMilliseconds, last: first.epochMilliseconds };
  const changed = first.getTimeZoneTransition("next")?.epochMilliseconds ?? first.epochMilliseconds;
  const isSkipped = !first.toPlainDateTime().equals(shown);
  if (isSkipped) return { first: changed, last: changed };
  return { first: first.epochMilliseconds, last: last.epochMilliseconds, changed };
}
