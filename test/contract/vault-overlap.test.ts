import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { FileScene } from "./vault-scene.js";

let scene: FileScene;
beforeEach(async () => {
  scene = await FileScene.make();
});
afterEach(() => scene.dispose());

const entry = (name: string, value = `value of ${name}`) => ({
  name,
  categoryId: null,
  initial: { value: new Secret(value), causes: ["created"] },
});

test("of changes that overlap, one that is refused takes nothing of the others with it", async () => {
  const vault = scene.open();
  const [taken] = await vault.createCredentials([entry("taken")]);
  const outcomes = await Promise.allSettled([
    vault.createCredentials([entry("first")]),
    // Its first entry is written before the second one is refused.
    vault.createCredentials([entry("half"), entry("taken")]),
    vault.createCredentials([entry("second")]),
    vault.readMany([{ id: taken?.id ?? "" }]),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  await vault.close();

  await scene.with(async (afresh) => {
    const names: string[] = [];
    for await (const { name } of afresh.listCredentials()) names.push(name);
    expect(names).toEqual(["first", "second", "taken"]);
    const values = await afresh.readMany([{ path: ["first"] }, { path: ["second"] }]);
    expect(values.map((one) => ("value" in one ? one.value.reveal() : one.message))).toEqual([
      "value of first",
      "value of second",
    ]);
    expect((await afresh.check()).damage).toEqual([]);
  });
});

test("changes that overlap follow each other in the event log, each with its own entry", async () => {
  const vault = scene.open();
  await Promise.all(["a", "b", "c"].map((name) => vault.createCredentials([entry(name)])));
  const made: number[] = [];
  for await (const { seq, action } of vault.listEvents()) if (action === "credential.created") made.push(seq);
  expect(made).toHaveLength(3);
  expect((await vault.check()).damage).toEqual([]);
});

test("a vault that is closed while changes wait ends them first", async () => {
  const vault = scene.open();
  await vault.identity();
  const outcomes = Promise.allSettled([vault.createCredentials([entry("late")])]);
  await new Promise((resolve) => process.nextTick(resolve));
  await vault.close();
  expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled"]);
  await scene.with(async (afresh) => expect(await afresh.findCredential(["late"])).toBeDefined());
});
