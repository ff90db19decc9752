import { expect, test } from "@jest/globals";
import { giveBack, lendEach } from "../../provider/core/give-back.js";

test("bytes with memory of their own lose it at once, and parts of a larger buffer keep theirs", () => {
  const own = Buffer.from(new ArrayBuffer(1_000));
  giveBack(own);
  expect(own).toHaveLength(0);
  const pool = Buffer.alloc(1_000, "x");
  const part = pool.subarray(10, 20);
  giveBack(part);
  expect(part.toString()).toBe("xxxxxxxxxx");
  expect(pool).toHaveLength(1_000);
});

test("a piece is there until the next one is asked for", async () => {
  const given = [Uint8Array.of(1), Uint8Array.of(2, 3)];
  const lengths: number[][] = [];
  const source = async function* () {
    yield* given;
  };
  for await (const _piece of lendEach(source())) lengths.push(given.map(({ length }) => length));
  expect(lengths).toEqual([
    [1, 2],
    [0, 2],
  ]);
  expect(given.map(({ length }) => length)).toEqual([0, 0]);
});
