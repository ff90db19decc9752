import { expect, test } from "@jest/globals";
import { hasPassed, parseInstant } from "../../provider/core/instant.js";

test.each([
  ["2026-12-31T18:00:00Z", "2026-12-31T18:00:00.000Z"],
  ["2026-12-31T18:00Z", "2026-12-31T18:00:00.000Z"],
  ["2026-12-31T18:00:00.123456789+01:00", "2026-12-31T17:00:00.123Z"],
  ["2026-12-31T23:30-05:30", "2027-01-01T05:00:00.000Z"],
  ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
])("the time %s is kept in UTC", (text, instant) => {
  expect(parseInstant("expiresAt", text)).toBe(instant);
});

test.each([
  "",
  "tomorrow",
  "0",
  "1798740000",
  "2026-12-31",
  "20261231",
  "31/12/2026",
  "2026-12-31 18:00:00Z",
  "2026-12-31T18:00:00",
  "2026-12-31T18:00:00+0100",
  "2026-12-31T18Z",
  "2026-12-31T18:60:00Z",
  "2026-12-31T23:59:60Z",
  "+002026-12-31T18:00:00Z",
  "2026-12-31T18:00:00+99:00",
  "2026-12-31T18:00:00Z\n",
  "٢٠٢٦-12-31T18:00:00Z",
])("%j is no time, and isn't repeated", (text) => {
  const parse = () => parseInstant("expiresAt", text);
  expect(parse).toThrow(expect.objectContaining({ code: "INVALID_INPUT", details: { field: "expiresAt" } }));
  expect(parse).toThrow("expiresAt isn't a time with its zone");
});

test.each([
  "2026-13-01T00:00:00Z",
  "2026-02-29T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "2026-02-30",
  "2026-00-10T00:00:00Z",
  "2026-12-00T00:00:00Z",
])("the day of %j doesn't exist, which is said", (text) => {
  const parse = () => parseInstant("expiresAt", text);
  expect(parse).toThrow(expect.objectContaining({ code: "INVALID_INPUT", details: { field: "expiresAt" } }));
  expect(parse).toThrow("expiresAt names a day that doesn't exist");
});

test("a time has passed once it has come, and no time never has", () => {
  const now = new Date("2026-12-31T18:00:00.000Z");
  expect(hasPassed("2026-12-31T18:00:00.000Z", now)).toBe(true);
  expect(hasPassed("2026-12-31T18:00:00.001Z", now)).toBe(false);
  expect(hasPassed(undefined, now)).toBe(false);
});
