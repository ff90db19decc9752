import { describe, expect, test } from "@jest/globals";
import {
  formatLockselfDate,
  LockselfBoolean,
  LockselfDate,
  LockselfInteger,
  parseLockselfDate,
} from "../../provider/vault/lockself/forms.js";
import { CredentialItem, pageOf } from "../../provider/vault/lockself/messages.js";
import { LOCKSELF_ROUTES, ROUTE_NAMES } from "../../provider/vault/lockself/routes.js";

describe("the forms in which LockSelf writes", () => {
  test.each([
    ["2026-12-31 18:00:05", "2026-12-31T18:00:05.000Z"],
    ["2026-12-31 18:00:05.123456+00:00", "2026-12-31T18:00:05.123Z"],
    ["2026-12-31T18:00:05+01:00", "2026-12-31T17:00:05.000Z"],
    ["2026-12-31T18:00:05+0100", "2026-12-31T17:00:05.000Z"],
    ["2026-12-31T18:00Z", "2026-12-31T18:00:00.000Z"],
    ["2026-12-31", "2026-12-31T00:00:00.000Z"],
    ["20261231", "2026-12-31T00:00:00.000Z"],
    ["0", null],
    ["", null],
    ["0000-00-00 00:00:00", null],
    ["31/12/2026", undefined],
    ["2026-02-30", undefined],
    ["2026-13-01", undefined],
    ["tomorrow", undefined],
  ])("the date %j", (text, date) => {
    expect(parseLockselfDate(text)).toBe(date);
    expect(LockselfDate.safeParse(text).success).toBe(date !== undefined);
  });

  test("a date is written as the lists have it, and read back", () => {
    const date = new Date("2026-12-31T18:00:05.000Z");
    expect(formatLockselfDate(date)).toBe("2026-12-31 18:00:05");
    expect(parseLockselfDate(formatLockselfDate(date))).toBe(date.toISOString());
    expect([0, null, undefined].map((none) => LockselfDate.parse(none))).toEqual([null, null, null]);
  });

  test("numbers come as texts, booleans in six ways", () => {
    expect(["12", 12, " 7 ", "-3"].map((given) => LockselfInteger.parse(given))).toEqual([12, 12, 7, -3]);
    expect([true, "true", "True", 1, "1"].map((given) => LockselfBoolean.parse(given))).toEqual(Array(5).fill(true));
    expect([false, "false", "False", 0, "0"].map((given) => LockselfBoolean.parse(given))).toEqual(
      Array(5).fill(false),
    );
    for (const wrong of ["1.5", "", "twelve", "9".repeat(30)]) {
      expect(LockselfInteger.safeParse(wrong).success).toBe(false);
    }
    expect(LockselfBoolean.safeParse("yes").success).toBe(false);
  });

  test("a page has its items flat, or embedded", () => {
    const Page = pageOf(CredentialItem);
    const item = { id: "4", name: "a/b", categoryId: "2", creationDate: "2026-12-31 18:00:05", isOwner: true, view: 1 };
    const sample = Page.parse({ page: "1", limit: "10", pages: "3", total: "21", items: [item] });
    expect(sample).toMatchObject({ page: 1, pages: 3, total: 21, items: [{ id: 4, name: "a/b", categoryId: 2 }] });
    expect(Page.parse({ total: 1, _embedded: { items: [item] } }).items).toHaveLength(1);
    expect(Page.safeParse({ total: 0 }).success).toBe(false);
  });
});

test("no two routes are the same, and each is below one of the two prefixes", () => {
  const routes = ROUTE_NAMES.map((name) => LOCKSELF_ROUTES[name]);
  expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length);
  for (const { path } of routes) expect(path).toMatch(/^\/api(-key)?(\/([a-z-]+|\{[A-Za-z]+\}))+$/);
});
