import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { nextOpening } from "../../provider/core/opening.js";
import { isTimeZone, type RotationWindow, WEEKDAYS, windowText } from "../../provider/core/window.js";

const PARIS = "Europe/Paris";
const SANTIAGO = "America/Santiago"; // southern: forward at 24:00 on 2026-09-05, back at 24:00 on 2027-04-03

function window(start: string, end: string, timeZone = PARIS, days?: RotationWindow["days"]): RotationWindow {
  return { between: [start, end], timeZone, ...(days === undefined ? {} : { days }) };
}

/** `2026-11-05T21:00Z to 2026-11-06T03:00Z` */
function opening(of: RotationWindow, now: string): string {
  const { from, until } = nextOpening(of, new Date(now));
  return [from, until].map((date) => date.toISOString().replace(":00.000Z", "Z")).join(" to ");
}

describe("a window", () => {
  test("that lies ahead opens at its own hour, and one that is open has begun now", () => {
    const night = window("22:00", "04:00");
    expect(opening(night, "2026-11-05T12:00:00Z")).toBe("2026-11-05T21:00Z to 2026-11-06T03:00Z");
    expect(opening(night, "2026-11-06T02:59:00Z")).toBe("2026-11-06T02:59Z to 2026-11-06T03:00Z");
    expect(opening(night, "2026-11-06T03:00:00Z")).toBe("2026-11-06T21:00Z to 2026-11-07T03:00Z");
    expect(opening(window("12:00", "13:00"), "2026-11-06T12:00:00Z")).toBe("2026-11-07T11:00Z to 2026-11-07T12:00Z");
  });

  test("belongs to the day on which it begins", () => {
    const weekend = window("22:00", "04:00", PARIS, ["sat"]);
    expect(opening(weekend, "2026-11-05T12:00:00Z")).toBe("2026-11-07T21:00Z to 2026-11-08T03:00Z");
    expect(opening(weekend, "2026-11-08T02:00:00Z")).toBe("2026-11-08T02:00Z to 2026-11-08T03:00Z");
    expect(opening(weekend, "2026-11-08T12:00:00Z")).toBe("2026-11-14T21:00Z to 2026-11-15T03:00Z");
  });

  test("may end at midnight, and begin there", () => {
    expect(opening(window("23:00", "00:00"), "2026-11-05T12:00:00Z")).toBe("2026-11-05T22:00Z to 2026-11-05T23:00Z");
    expect(opening(window("00:00", "01:00"), "2026-11-05T12:00:00Z")).toBe("2026-11-05T23:00Z to 2026-11-06T00:00Z");
  });

  test("has words", () => {
    expect(windowText(window("22:00", "04:00"))).toBe("22:00 to 04:00 Europe/Paris");
    expect(windowText(window("22:00", "04:00", "UTC", ["fri", "sat"]))).toBe("22:00 to 04:00 UTC on fri, sat");
  });
});

describe("on 2027-03-28 in Paris, where 02:00 to 03:00 is skipped, a window", () => {
  test("in the skipped hour doesn't open: the next one is a day later, or a week if it has one day only", () => {
    const now = "2027-03-27T12:00:00Z";
    expect(opening(window("02:15", "02:45"), now)).toBe("2027-03-29T00:15Z to 2027-03-29T00:45Z");
    expect(opening(window("02:15", "02:45", PARIS, ["sun"]), now)).toBe("2027-04-04T00:15Z to 2027-04-04T00:45Z");
  });

  test("that begins in it opens when the clocks are set, and one that ends in it closes then", () => {
    const now = "2027-03-27T12:00:00Z";
    expect(opening(window("02:30", "05:00"), now)).toBe("2027-03-28T01:00Z to 2027-03-28T03:00Z");
    expect(opening(window("01:00", "02:30"), now)).toBe("2027-03-28T00:00Z to 2027-03-28T01:00Z");
    expect(opening(window("22:00", "04:00"), now)).toBe("2027-03-27T21:00Z to 2027-03-28T02:00Z");
  });
});

describe("on 2026-10-25 in Paris, where 02:00 to 03:00 comes twice, a window", () => {
  test("in that hour opens twice", () => {
    const twice = window("02:15", "02:45");
    expect(opening(twice, "2026-10-24T12:00:00Z")).toBe("2026-10-25T00:15Z to 2026-10-25T00:45Z");
    expect(opening(twice, "2026-10-25T00:50:00Z")).toBe("2026-10-25T01:15Z to 2026-10-25T01:45Z");
    expect(opening(twice, "2026-10-25T01:45:00Z")).toBe("2026-10-26T01:15Z to 2026-10-26T01:45Z");
  });

  test("that begins or ends in it is open whenever the clocks show a time within it", () => {
    const begins = window("02:30", "05:00");
    expect(opening(begins, "2026-10-24T12:00:00Z")).toBe("2026-10-25T00:30Z to 2026-10-25T01:00Z");
    expect(opening(begins, "2026-10-25T01:00:00Z")).toBe("2026-10-25T01:30Z to 2026-10-25T04:00Z");
    const ends = window("01:00", "02:30");
    expect(opening(ends, "2026-10-24T12:00:00Z")).toBe("2026-10-24T23:00Z to 2026-10-25T00:30Z");
    expect(opening(ends, "2026-10-25T00:30:00Z")).toBe("2026-10-25T01:00Z to 2026-10-25T01:30Z");
    expect(opening(window("22:00", "04:00"), "2026-10-24T12:00:00Z")).toBe("2026-10-24T20:00Z to 2026-10-25T03:00Z");
  });
});

test("in a southern zone the clocks change at midnight, in the other months", () => {
  // 2026-09-06 begins at 01:00; 2027-04-03 has two hours from 23:00 on.
  expect(opening(window("00:15", "00:45", SANTIAGO), "2026-09-05T12:00:00Z")).toBe(
    "2026-09-07T03:15Z to 2026-09-07T03:45Z",
  );
  expect(opening(window("22:00", "02:00", SANTIAGO), "2026-09-05T12:00:00Z")).toBe(
    "2026-09-06T02:00Z to 2026-09-06T05:00Z",
  );
  expect(opening(window("22:00", "02:00", SANTIAGO), "2027-04-03T12:00:00Z")).toBe(
    "2027-04-04T01:00Z to 2027-04-04T06:00Z",
  );
});

test("a zone that isn't known is told from one that is", () => {
  expect(["Europe/Paris", "UTC", "America/Santiago"].every(isTimeZone)).toBe(true);
  expect(["", "Europe/Pari", "2026-01-01T00:00[Europe/Paris]"].some(isTimeZone)).toBe(false);
  expect(() => nextOpening(window("01:00", "02:00", "Mars/Olympus"), new Date())).toThrow(/knows no time zone/);
});

describe("for any window and moment", () => {
  const time = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
    .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));
  const windows = fc
    .record({
      start: time,
      end: time,
      timeZone: fc.constantFrom(PARIS, SANTIAGO, "UTC", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"),
      days: fc.option(fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }), { nil: undefined }),
    })
    .filter(({ start, end }) => start !== end)
    .map(({ start, end, timeZone, days }) => window(start, end, timeZone, days));
  // Around the changes of the clocks, by the minute.
  const moments = fc
    .tuple(
      fc.constantFrom("2026-10-25", "2027-03-28", "2026-09-06", "2027-04-04", "2026-10-04", "2026-11-22"),
      fc.integer({ min: -2_880, max: 2_880 }),
    )
    .map(([day, minutes]) => new Date(Date.parse(`${day}T00:00:00Z`) + minutes * 60_000));

  const formats = new Map<string, Intl.DateTimeFormat>();
  function formatOf(timeZone: string): Intl.DateTimeFormat {
    const time = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
    const format = formats.get(timeZone) ?? new Intl.DateTimeFormat("en-GB", { timeZone, ...time });
    formats.set(timeZone, format);
    return format;
  }

  /** What the clocks of the zone show, by the language's own formatter. */
  function shownAt(timeZone: string, moment: Date): { time: string; weekday: string } {
    const format = formatOf(timeZone);
    const parts = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
    return { time: `${parts["hour"]}:${parts["minute"]}`, weekday: String(parts["weekday"]).toLowerCase() };
  }

  function isWithin({ between: [start, end], timeZone, days }: RotationWindow, moment: Date): boolean {
    const { time: shown, weekday } = shownAt(timeZone, moment);
    const isLate = shown >= start;
    if (end > start ? !isLate || shown >= end : !isLate && shown >= end) return false;
    // After midnight it is the day before that counts.
    const began = isLate ? weekday : (WEEKDAYS.at(WEEKDAYS.findIndex((day) => day === weekday) - 1) ?? "");
    return days === undefined || days.some((day) => day === began);
  }

  test("the next opening is never before now, begins and ends within the window, and none lies between", () => {
    fc.assert(
      fc.property(windows, moments, (of, now) => {
        const { from, until } = nextOpening(of, now);
        expect(from >= now && from < until).toBe(true);
        expect(isWithin(of, from)).toBe(true);
        expect(isWithin(of, new Date(until.getTime() - 60_000))).toBe(true);
        const missed = Array.from({ length: 200 }, (_, index) => now.getTime() + index * 60_000 * 17).filter(
          (ms) => ms < from.getTime() && isWithin(of, new Date(ms)),
        );
        expect(missed).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
