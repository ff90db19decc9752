import { describe, expect, test } from "@jest/globals";
import { prove } from "./proof.ts";

// A short form of `npm run crash`; what it proves and how is told in docs/reliability.md.
describe("a rotation that is cut off anywhere", () => {
  test("is finished by the next run: nothing lost, nothing doubled, one refused login at most", async () => {
    const report = await prove({ points: 20, enginePoints: 2, seed: new Date().getUTCDate() });
    expect(report).toMatchObject({ faults: [], lost: 0, doubled: 0, unfinished: 0, points: 20, engine_points: 2 });
    expect(report.refused_max).toBeLessThanOrEqual(1);
    expect(report.refused_max_pairs).toBeLessThanOrEqual(2);
  }, 120_000);

  test("would have lost passwords without the journal, so this proof can find a loss", async () => {
    const report = await prove({ points: 16, withoutJournal: true });
    expect(report.lost).toBeGreaterThan(0);
  }, 120_000);
});
