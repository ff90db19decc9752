import { describe, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { isCredentialId, newId } from "../../provider/core/id.js";
import { chiSquare, chiSquareLimit } from "../fixtures/chi-square.js";

describe("the system's clock", () => {
  test("sleeps as long as it is told, and not at all for 0 or less", async () => {
    const started = systemClock.monotonicMs();
    await systemClock.sleep(30);
    expect(systemClock.monotonicMs() - started).toBeGreaterThanOrEqual(29);
    await systemClock.sleep(-1);
  });

  test("wakes as INTERRUPTED when its signal is aborted, also before it began", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort();
    await expect(sleeping).rejects.toMatchObject({ code: "INTERRUPTED" });
    await expect(systemClock.sleep(0, AbortSignal.abort())).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  test("sleeps through what Node's timers can't count", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(2 ** 31 + 5, controller.signal);
    const first = await Promise.race([sleeping.catch(() => "woke"), systemClock.sleep(20).then(() => "asleep")]);
    expect(first).toBe("asleep");
    controller.abort();
    await expect(sleeping).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  test("tells the date", () => {
    expect(Math.abs(systemClock.now().getTime() - Date.now())).toBeLessThan(1000);
  });
});

describe("an id", () => {
  test("has its prefix and 22 letters and digits, and none comes twice", () => {
    const ids = Array.from({ length: 2000 }, () => newId("cr_"));
    expect(new Set(ids).size).toBe(2000);
    expect(ids.every((id) => /^cr_[A-Za-z0-9]{22}$/.test(id) && isCredentialId(id))).toBe(true);
    expect(newId("ct_")).toMatch(/^ct_[A-Za-z0-9]{22}$/);
    expect(isCredentialId(newId("ct_"))).toBe(false);
  });

  test("has every letter and digit as often as any other", () => {
    const counts = new Map<string, number>();
    for (let made = 0; made < 3000; made++) {
      for (const character of newId("cr_").slice(3)) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(62);
    expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(61));
  });
});
