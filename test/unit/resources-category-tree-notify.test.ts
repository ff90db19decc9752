import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { categoryTreeHandlers as handlers } from "../../provider/resources/category-tree/handlers.js";
import { runHook } from "../../provider/target/command/hook.js";
import { Programs } from "../contract/command-programs.ts";
import { HookReceiver } from "../fixtures/hook-receiver.ts";
import { intercept } from "../fixtures/intercept.ts";
import { type Kept, ResourceScene, type RunOptions } from "../fixtures/resource-scene.ts";
import { referenceTo } from "../fixtures/rotation-scene.ts";

const SIGNING = "the secret that signs";

let scene: ResourceScene;
let receiver: HookReceiver;
let secretRef: string;
beforeEach(async () => {
  scene = new ResourceScene();
  receiver = await HookReceiver.start();
  receiver.key = Buffer.from(SIGNING);
  secretRef = referenceTo(await scene.add({ name: "signing", initial: { value: new Secret(SIGNING), causes: [] } }));
});
afterEach(async () => {
  await receiver.close();
  await scene.close();
});

interface Told {
  type: string;
  timestamp: string;
  data: { vaultId: string; categoryId: string; path: string[]; name: string; key: string; data?: unknown };
}

const ships = (names: unknown[], inputs: Record<string, unknown> = {}): Record<string, unknown> => ({
  ownerKey: "fleet/dev/CategoryTree/ships",
  names,
  template: { nodes: [{ name: "Bridge" }] },
  notify: [{ url: receiver.url, secretRef }],
  ...inputs,
});

async function up(inputs: Record<string, unknown>, kept?: Kept, options: RunOptions = {}): Promise<Kept> {
  const context = scene.resources(options);
  if (!kept) {
    const { id, outs } = await handlers.create(context, inputs);
    return { id, outputs: outs };
  }
  return { id: kept.id, outputs: (await handlers.update(context, kept.id, kept.outputs, inputs)).outs };
}

async function preview(inputs: Record<string, unknown>, kept: Kept) {
  scene.notes.length = 0;
  const { changes } = await handlers.diff(scene.resources(), kept.id, kept.outputs, inputs);
  return { changes, notes: [...scene.notes] };
}

const told = (): string[] => receiver.received.map(({ body }) => (body as Told).data.name);

test("a hook is told once of each new copy, signed, with what the program says of it", async () => {
  const aurora = { name: "Aurora", key: "imo-9074729", data: { domains: ["aurora.example"] } };
  const kept = await up(ships([aurora, "Borealis"]));
  expect(told()).toEqual(["Aurora", "Borealis"]);
  const [first] = receiver.received;
  expect(first).toMatchObject({ id: expect.stringMatching(/^msg_[A-Za-z0-9]{22}$/), isSigned: true });
  expect(first?.body).toEqual({
    type: "category-tree.copied",
    timestamp: scene.clock.now().toISOString(),
    data: {
      vaultId: (await scene.vault.identity()).id,
      categoryId: (await scene.vault.findCategory(["Aurora"]))?.id,
      path: ["Aurora"],
      ...aurora,
    },
  });
  expect(first?.raw).not.toContain(SIGNING);
  expect(await preview(ships([aurora, "Borealis"]), kept)).toEqual({ changes: false, notes: [] });

  const other = { ...aurora, data: { domains: ["aurora.example", "aurora.test"] } };
  const changed = await up(ships([other, "Borealis"], { template: { nodes: [{ name: "Network" }] } }), kept);
  expect(told()).toHaveLength(2); // a change of what is there is no news
  await up(ships([other, "Borealis", "Calypso"]), changed);
  expect(told().slice(2)).toEqual(["Calypso"]);
});

test("a program is told by a line on its standard input", async () => {
  const programs = new Programs();
  try {
    const file = join(programs.folder, "told");
    const inputs = ships(["Aurora", "Borealis"], {
      notify: [{ command: [programs.add("tell", `cat >> ${file}`), "new"] }],
    });
    await up(inputs, undefined, { rotation: scene.context({ runHook }) });
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as Told & { id: string }).data.name).sort()).toEqual([
      "Aurora",
      "Borealis",
    ]);
    expect(existsSync(file)).toBe(true);
  } finally {
    programs.close();
  }
});

test("a receiver that is down fails nothing, is named in previews, and is told by a later run under the same ids", async () => {
  receiver.answers = [500];
  const names = Array.from({ length: 20 }, (_, number) => `Ship ${number}`);
  const kept = await up(ships(names));
  expect(scene.notes).toEqual([
    `${receiver.url} wasn't told of 20 new copies: answered 500; the next \`up\` tries again`,
  ]);
  const ids = new Set(receiver.received.map(({ id }) => id));
  expect(ids.size).toBe(8); // the first wave tells that the others would fail too
  expect(await preview(ships(names), kept)).toEqual({
    changes: true,
    notes: [`${receiver.url} is to be told of 20 new copies`],
  });
  receiver.received.length = 0;
  receiver.answers = [204];
  const after = await up(ships(names), kept);
  expect(told().sort()).toEqual([...names].sort());
  expect(receiver.received.filter(({ id }) => ids.has(id))).toHaveLength(8);
  expect(await preview(ships(names), after)).toEqual({ changes: false, notes: [] });
});

test.each([
  ["before the copies are written down", 1, "before", 0, 20],
  ["after they are, and before anybody is told", 1, "after", 0, 20],
  ["before it is written down who was told", 2, "before", 8, 20],
  ["after that", 2, "after", 8, 12],
] as const)("a run that is killed %s leaves nobody untold", async (_when, nth, when, toldBefore, toldAfter) => {
  const names = Array.from({ length: 20 }, (_, number) => `Ship ${number}`);
  let writes = 0;
  const dying = intercept(scene.vault, async ({ method }, proceed) => {
    if (writes >= nth) throw new Error("killed"); // nothing comes after a kill
    if (method !== "changeTree") return proceed();
    writes += 1;
    if (writes === nth && when === "before") throw new Error("killed");
    const result = await proceed();
    if (writes === nth) throw new Error("killed");
    return result;
  });
  const rotation = { ...scene.context(), vault: dying };
  await expect(up(ships(names), undefined, { rotation })).rejects.toThrow("killed");
  expect(told()).toHaveLength(toldBefore);
  await up(ships(names)); // from an empty state, as the engine has it then
  expect(told()).toHaveLength(toldBefore + toldAfter);
  // Whoever drops doubles by their id has each ship once.
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(20);
  expect(new Set(told()).size).toBe(20);
});

test("a hook that is declared later isn't told of what was there, nor one that is taken away of what it wasn't told", async () => {
  const kept = await up(ships(["Aurora"], { notify: undefined }));
  const withHook = await up(ships(["Aurora"]), kept);
  expect(told()).toEqual([]);
  receiver.answers = [410];
  const down = await up(ships(["Aurora", "Borealis"]), withHook);
  expect(told()).toEqual(["Borealis"]);
  const without = await up(ships(["Aurora", "Borealis"], { notify: undefined }), down);
  expect(await preview(ships(["Aurora", "Borealis"], { notify: undefined }), without)).toEqual({
    changes: false,
    notes: [],
  });
  receiver.answers = [204];
  await up(ships(["Aurora", "Borealis"]), without);
  expect(told()).toEqual(["Borealis"]);
});

test("what was there and is adopted is no news", async () => {
  await scene.vault.createCategory({ name: "Aurora", parentId: null });
  await up(ships(["Aurora", "Borealis"], { adopt: true }));
  expect(told()).toEqual(["Borealis"]);
});

test("a copy that somebody deleted is made again, and is told of as the new category that it is", async () => {
  const kept = await up(ships(["Aurora", "Borealis"]));
  const { categories } = await scene.vault.readTree({ below: (await scene.vault.findCategory(["Aurora"]))?.id ?? "" });
  for (const { id } of categories.toReversed()) await scene.vault.deleteCategory(id, {});
  const mended = await up(ships(["Aurora", "Borealis"]), kept);
  expect(told()).toEqual(["Aurora", "Borealis", "Aurora"]);
  const [first, , again] = receiver.received.map(({ id, body }) => [id, (body as Told).data.categoryId]);
  expect(again?.[0]).not.toBe(first?.[0]);
  expect(again?.[1]).toBe((await scene.vault.findCategory(["Aurora"]))?.id);
  expect(await preview(ships(["Aurora", "Borealis"]), mended)).toEqual({ changes: false, notes: [] });
});

test("a signing secret that is gone fails nothing, and nobody is told without it", async () => {
  const kept = await up(ships(["Aurora"]));
  const id = /cr_\w+/.exec(secretRef)?.[0] ?? "";
  await scene.vault.archiveCredential(id, {});
  const after = await up(ships(["Aurora", "Borealis"]), kept);
  expect(scene.notes.at(-1)).toMatch(
    /nobody was told of new copies: The signing secret signing is archived; the next `up` tries again/,
  );
  await scene.vault.unarchiveCredential(id, null);
  await up(ships(["Aurora", "Borealis"]), after);
  expect(told()).toEqual(["Aurora", "Borealis"]);
});
