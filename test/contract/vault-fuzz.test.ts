import { readFileSync, statSync, writeFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { collect, createOne, rotate, target, withValue } from "./vault-cases/setup.js";
import { FileScene } from "./vault-scene.js";

test("bytes flipped anywhere in the file give the same answer or an error, never a wrong value and never NOT_FOUND", async () => {
  const original = await FileScene.make();
  const ids = await original.with(async (vault) => {
    const category = await vault.createCategory({ name: "Databases", parentId: null, description: "servers" });
    const first = await createOne(vault, { name: "first", categoryId: category.id, targets: [target("first")] });
    const second = await createOne(vault, { name: "second", ...withValue("another value") });
    await rotate(vault, first, "first value");
    await rotate(vault, first, "second value");
    return [first.id, second.id];
  });
  const bytes = readFileSync(original.path);
  const used = [...bytes.keys()].filter((at) => bytes[at] !== 0); // most of a small file is room for more
  const right = await answersOf(original, ids);
  const seed = Number(process.env["COFFRE_TEST_SEED"] ?? Date.now() % 1_000_000);
  const random = generator(seed);
  const outcomes = { same: 0, error: 0 };
  for (let round = 0; round < 150; round += 1) {
    const flipped = Buffer.from(bytes);
    const at = used[Math.floor(random() * used.length)] ?? 0;
    flipped[at] = (flipped[at] ?? 0) ^ (1 + Math.floor(random() * 255));
    const scene = original.copy();
    writeFileSync(scene.path, flipped);
    const answers = await answersOf(scene, ids);
    await scene.dispose();
    for (const [index, answer] of answers.entries()) {
      const told = { seed, round, at, index, answer };
      const fine = answer === right[index] || (answer.startsWith("error ") && answer !== "error NOT_FOUND");
      expect({ ...told, fine }).toEqual({ ...told, fine: true });
      outcomes[answer === right[index] ? "same" : "error"] += 1;
    }
  }
  expect(outcomes.error).toBeGreaterThan(10);
  expect(outcomes.same).toBeGreaterThan(10);
  expect(statSync(original.path).size).toBe(bytes.length);
  await original.dispose();
}, 120_000);

/** What a reader gets to see: values by id, and the list. */
async function answersOf(scene: FileScene, ids: string[]): Promise<string[]> {
  return scene.with(async (vault) => {
    const told = (error: unknown) =>
      error instanceof CoffreError ? `error ${error.code}` : `unexpected ${String(error)}`;
    const values = await vault.readMany(ids.map((id) => ({ id }))).then(
      (answers) => answers.map((answer) => (answer instanceof Error ? told(answer) : answer.value.reveal())),
      (error: unknown) => ids.map(() => told(error)),
    );
    const list = await collect(vault.listCredentials()).then(
      (all) => JSON.stringify(all.map(({ path, status, versions }) => ({ path, status, versions }))),
      told,
    );
    return [...values, list];
  });
}

/** A small generator of numbers below 1 with a seed (mulberry32), so that a failure can be run again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
