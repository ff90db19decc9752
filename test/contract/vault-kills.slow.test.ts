import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { Credential, Vault } from "../../provider/vault/port.js";
import { BackupScene } from "./vault-backup-scene.js";
import { kill, said, startProgram } from "./vault-child.js";
import { collect, withValue } from "./vault-cases/setup.js";

jest.setTimeout(120_000);

const ENTRIES = 400;
const LATER = 100;
const KILLS = 6;
/** In every value, so that one that stands anywhere in clear is found. */
const MARKER = "CoffreMarkerOfKills";

let scene: BackupScene;
beforeEach(async () => {
  scene = await BackupScene.make();
});
afterEach(() => scene.dispose());

function create(vault: Vault, count: number, prefix: string, value: string): Promise<Credential[]> {
  const inputs = Array.from({ length: count }, (_, index) => ({
    categoryId: null,
    name: `${prefix}-${index}`,
    ...withValue(`${MARKER} ${value}`),
  }));
  return vault.createCredentials(inputs);
}

/** The current values, each once, and how many entries there are. */
async function stateOf(vault: Vault) {
  const all = await collect(vault.listCredentials());
  const answers = await vault.readMany(all.map(({ id }) => ({ id })));
  const values = answers.map((answer) => (answer instanceof Error ? String(answer) : answer.value.reveal()));
  const undecided = all.filter(({ journal }) => journal.attention?.reason === "rolled-back").length;
  return { values: [...new Set(values)].sort(), entries: all.length, undecided };
}

const BEFORE = { values: [`${MARKER} before`], entries: ENTRIES, undecided: 0 };
const CHANGED = { values: [`${MARKER} after`, `${MARKER} before`], entries: ENTRIES + LATER, undecided: 0 };
const RESTORED = { values: [`${MARKER} before`], entries: ENTRIES, undecided: ENTRIES };

type Task = "backup" | "restore" | "into";

/** Starts the keeper, and kills it so long after it was told to go; `undefined`: once it is done. @returns how long it went, ms */
async function killedAfter(task: Task, place: string, ms: number | undefined): Promise<number> {
  const child = startProgram("vault-keeper.ts", {
    args: [scene.path, task, place],
    lines: [scene.keyText.reveal(), task === "backup" ? scene.recipient : scene.identity.reveal()],
  });
  await said(child, "ready");
  const done = said(child, "done 0").catch(() => undefined);
  const begun = performance.now();
  child.stdin?.write("go\n");
  await (ms === undefined ? done : pause(ms));
  const lasted = performance.now() - begun;
  await kill(child);
  return lasted;
}

/** Kills all over one run of the task, after one that was let through. `after` looks at what each has left. */
async function killEverywhere(task: Task, place: string, after: () => Promise<void>): Promise<void> {
  const whole = await killedAfter(task, place, undefined);
  await after();
  for (let round = 0; round < KILLS; round += 1) {
    await killedAfter(task, place, (whole * round) / (KILLS - 1));
    await after();
  }
}

function filesIn(folder: string): { name: string; path: string }[] {
  return readdirSync(folder).map((name) => ({ name, path: join(folder, name) }));
}

/** No file that a killed one has left has a value in clear. */
function expectNothingClear(): void {
  const files = [...filesIn(scene.folder), ...filesIn(scene.to)];
  expect(files.filter(({ path }) => readFileSync(path).includes(MARKER))).toEqual([]);
}

async function expectWhole(vault: EmbeddedVault, states: unknown[]): Promise<void> {
  expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
  expect(states).toContainEqual(await stateOf(vault));
}

test("a killed backup leaves the vault as it is, and nothing that is taken for a backup but whole ones", async () => {
  await scene.with((vault) => create(vault, ENTRIES, "n", "before"));
  await killEverywhere("backup", scene.to, () => scene.with((vault) => expectWhole(vault, [BEFORE])));
  expectNothingClear();
  const parts = filesIn(scene.to).filter(({ name }) => name.endsWith(".part"));
  const backups = filesIn(scene.to).filter(({ name }) => !name.endsWith(".part"));
  expect(parts.length).toBeGreaterThan(0); // some were met in the middle
  for (const [index, { path }] of parts.entries()) {
    // All of it may be there, and only its name not yet.
    const restored = await scene.intoNew(path, { name: `part-${index}.db` }).catch((error: unknown) => error);
    if (restored instanceof Error) expect(restored).toMatchObject({ code: "CORRUPT" });
  }
  expect(backups.length).toBeGreaterThan(0);
  for (const [index, { path }] of backups.entries()) {
    const restored = await scene.intoNew(path, { name: `whole-${index}.db` });
    await expectWhole(scene.open({ path: restored.path }), [RESTORED]);
  }
});

test("a killed restore in place leaves the vault as it was, or as the backup says, whole", async () => {
  await scene.with((vault) => create(vault, ENTRIES, "n", "before"));
  const { file } = await scene.with((vault) => scene.backUp(vault));
  await scene.with((vault) => create(vault, LATER, "later", "after"));
  const changed = join(scene.to, "changed.db");
  cpSync(scene.path, changed);
  const met: number[] = [];
  await killEverywhere("restore", file, async () => {
    await scene.with(async (vault) => {
      await expectWhole(vault, [CHANGED, RESTORED]);
      met.push((await stateOf(vault)).undecided);
    });
    expect(filesIn(scene.folder).map(({ name }) => name)).not.toContain("coffre.db-wal");
    cpSync(changed, scene.path);
  });
  expect(new Set(met)).toEqual(new Set([0, ENTRIES]));
  expect(filesIn(scene.folder).some(({ name }) => name.startsWith(".coffre.db."))).toBe(true); // met in the middle
  expectNothingClear();
});

test("a killed restore into a new file leaves a whole vault under its name, or none", async () => {
  await scene.with((vault) => create(vault, ENTRIES, "n", "before"));
  const { file } = await scene.with((vault) => scene.backUp(vault));
  const made: number[] = [];
  await killEverywhere("into", file, async () => {
    expectNothingClear();
    const vaults = filesIn(scene.folder).filter(({ name }) => /^new-\d+\.db$/.test(name));
    made.push(vaults.length);
    for (const { path } of vaults) {
      const vault = scene.open({ path });
      await expectWhole(vault, [RESTORED]);
      await vault.close();
      rmSync(path);
    }
  });
  expect(made).toContain(0);
  expect(Math.max(...made)).toBeGreaterThan(0);
});
