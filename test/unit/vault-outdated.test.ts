import { describe, expect, test } from "@jest/globals";
import type { Journal, VersionInfo } from "../../provider/vault/port.js";
import { outdatedVersions } from "../../provider/vault/records/outdated.js";

const NOW = new Date("2030-03-01T00:00:00.000Z");
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000).toISOString();

/** A version that came into force so many days ago. */
function version(number: number, days: number, more: Partial<VersionInfo> = {}): VersionInfo {
  const at = daysAgo(days);
  return { number, state: "previous", causes: [], createdAt: at, promotedAt: at, verified: true, ...more };
}

/** Three versions, of which the first was replaced 40 days ago. */
const VERSIONS = [version(1, 60), version(2, 40), version(3, 10, { state: "current" })];
const IDLE: Journal = { fencing: 3, draws: 0 };
const outdated = (versions: readonly VersionInfo[], journal: Partial<Journal> = {}) => [
  ...outdatedVersions({ versions, journal: { ...IDLE, ...journal } }, NOW),
];

test("the value of a version may go that was replaced 30 days ago and has two proven successors", () => {
  expect(outdated(VERSIONS)).toEqual([1]);
  expect(outdated([version(1, 60, { state: "discarded" }), ...VERSIONS.slice(1)])).toEqual([1]);
});

describe("no value goes", () => {
  const draining = { account: "a", username: "u", version: 1, until: daysAgo(-1) };
  const lease = { credentialId: "cr_1", holder: "h", fencing: 3, expiresAt: daysAgo(-1) };
  test.each<[string, readonly VersionInfo[], Partial<Journal>]>([
    ["while a version is pending", VERSIONS, { pending: { version: 4, targets: [] } }],
    [
      "while a person has to decide",
      VERSIONS,
      { attention: { reason: "no-way-in", message: "nobody gets in", since: daysAgo(1) } },
    ],
    ["while a login still works with it", VERSIONS, { draining: [draining] }],
    ["before 30 days are over", [version(1, 60), version(2, 29), version(3, 10, { state: "current" })], {}],
    ["before two newer ones were proven", VERSIONS.with(1, version(2, 40, { verified: false })), {}],
    ["twice", VERSIONS.with(0, version(1, 60, { valueRemovedAt: daysAgo(5) })), {}],
  ])("%s", (_when, versions, journal) => {
    expect(outdated(versions, journal)).toEqual([]);
  });

  test("but while somebody only holds the lease", () => {
    expect(outdated(VERSIONS, { lease })).toEqual([1]);
  });
});
