import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { isCoffreError } from "../../provider/core/errors.js";
import { type BudgetQuestion, checkBudget } from "../../provider/vault/budget.js";
import type { BookingRow } from "../../provider/vault/records/rows.js";

const NOW = new Date("2030-01-01T12:00:00.000Z");

function booking(minutesAgo: number, more: Partial<BookingRow> = {}): BookingRow {
  return {
    id: `${minutesAgo} ${Math.random()}`,
    account: "a",
    host: "h",
    source: "here",
    kind: "probe",
    at: new Date(NOW.getTime() - minutesAgo * 60_000).toISOString(),
    ...more,
  };
}

/** When one more login is free, `undefined`: at once. */
function freeAt(bookings: BookingRow[], more: Partial<BudgetQuestion> = {}): string | undefined {
  try {
    checkBudget({ account: "a", host: "h", source: "here", bookings, now: NOW, ...more });
    return undefined;
  } catch (error) {
    if (!isCoffreError(error, "BUDGET_SPENT")) throw error;
    return String(error.details["freeAt"]);
  }
}

const refused = { outcome: "refused" } as const;

test("one refused or unknown attempt leaves one more; two leave none until the older one is half an hour old", () => {
  expect(freeAt([booking(5, refused)])).toBeUndefined();
  expect(freeAt([booking(5, refused), booking(20, { ...refused, host: "other" })])).toBe("2030-01-01T12:10:00.000Z");
  expect(freeAt([booking(5), booking(29, refused)])).toBe("2030-01-01T12:01:00.000Z");
  expect(freeAt([booking(5), booking(30, { ...refused, host: "other" })])).toBeUndefined();
});

test("with more than two, the second newest decides", () => {
  const three = [booking(1), booking(10), booking(25)];
  expect(freeAt(three)).toBe("2030-01-01T12:20:00.000Z");
});

test("another account's attempts don't count for this one, but for the host", () => {
  const others = [booking(5, { ...refused, account: "b" }), booking(50, { ...refused, account: "c" })];
  expect(freeAt(others)).toBe("2030-01-01T12:10:00.000Z");
  expect(freeAt(others, { host: "elsewhere" })).toBeUndefined();
  expect(freeAt(others, { source: "another machine" })).toBeUndefined();
  const unsettled = (more: Partial<BookingRow>) =>
    freeAt(others.map(({ outcome: _outcome, ...row }) => ({ ...row, ...more })));
  expect(unsettled({})).toBe("2030-01-01T12:10:00.000Z");
  expect(unsettled({ kind: "proof" })).toBeUndefined();
  expect(unsettled({ cleared: true })).toBeUndefined();
});

test("proofs of unknown outcome are one, at the time of the newest; a refused proof counts by itself", () => {
  const proofs = [1, 2, 3].map((minutes) => booking(minutes, { kind: "proof" }));
  expect(freeAt(proofs)).toBeUndefined();
  expect(freeAt([...proofs, booking(10)])).toBe("2030-01-01T12:20:00.000Z");
  expect(freeAt([...proofs, booking(0, { kind: "proof", ...refused })])).toBe("2030-01-01T12:29:00.000Z");
});

test("what a later success cleared counts no more, unless it was refused after all", () => {
  expect(freeAt([booking(1, { cleared: true }), booking(2)])).toBeUndefined();
  expect(freeAt([booking(1, { cleared: true, ...refused }), booking(2)])).toBeDefined();
});

test("one booking that was found twice counts once", () => {
  const once = booking(1, refused);
  expect(freeAt([once, once])).toBeUndefined();
});

test("whatever was booked: there are never three counted attempts within half an hour", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }), (gaps) => {
      let at = NOW.getTime();
      const made: BookingRow[] = [];
      for (const gap of gaps) {
        at += gap * 10_000;
        const now = new Date(at);
        if (freeAt(made, { now }) === undefined)
          made.push({ ...booking(0), id: `booking ${made.length}`, at: now.toISOString() });
      }
      for (const [index, { at: third }] of made.entries()) {
        const first = made[index - 2];
        if (first) expect(Date.parse(third) - Date.parse(first.at)).toBeGreaterThanOrEqual(30 * 60_000);
      }
    }),
  );
});
