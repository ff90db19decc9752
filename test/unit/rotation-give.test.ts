import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { giveValue } from "../../provider/rotation/give.js";
import type { RotationStep } from "../../provider/vault/port.js";
import { Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const give = (id: string, value: string, expected?: number) =>
  giveValue(scene.context(), id, {
    value: new Secret(value),
    cause: `command:${value}`,
    ...(expected === undefined ? {} : { expected }),
  });

test("a value that was given is current at once, and the one before stays", async () => {
  const { id } = await scene.add({ name: "a", valueManagedBy: "external" });
  await give(id, "one");
  const after = await give(id, "two");
  expect(after).toMatchObject({ status: "current", journal: { draws: 0 } });
  expect(after.journal.lease).toBeUndefined();
  expect(await scene.versions(id)).toBe("1 previous, 2 current");
  expect(await scene.value(id)).toBe("two");
});

test("of two people who saw the same version the second is told, and overwrites nothing", async () => {
  const { id } = await scene.add({ name: "a", valueManagedBy: "external" });
  await give(id, "theirs", 0);
  await expect(give(id, "ours", 0)).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringContaining("version 1 is current"),
  });
  expect(await scene.value(id)).toBe("theirs");
  expect((await scene.vault.readCredential(id)).journal.lease).toBeUndefined();
  await give(id, "after a look", 1);
});

test("a target's password is never given: it would be in the vault, and not on the target", async () => {
  const id = await scene.rotated();
  await expect(give(id, "mine")).rejects.toMatchObject({ code: "INVALID_INPUT" });
  expect(await scene.versions(id)).toBe("1 current");
});

test("a value isn't given while another is pending", async () => {
  const { id } = await scene.add({ name: "a" });
  const stage = { step: "stage" as const, value: new Secret("x"), causes: [], accounts: [] } satisfies RotationStep;
  const { lease } = await scene.vault.acquireLease(id, { holder: "test", ttlSeconds: 60 }, [stage]);
  await scene.vault.record(lease, [{ step: "release" }]);
  await expect(give(id, "mine")).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringMatching(/Version 1 of a is pending[\s\S]*coffre resume/),
  });
});
