import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Connection } from "../../provider/vault/embedded/sqlite.js";
import { EmbeddedRows } from "../../provider/vault/embedded/embedded-rows.js";
import { writeMeta } from "../../provider/vault/embedded/meta.js";
import { collect, createOne, failure, readValue, rotate, target, withValue } from "./vault-cases/setup.js";
import { FileScene } from "./vault-scene.js";

/** Several real processes on one file. */

interface Fact {
  ready?: true;
  created?: string[];
  promoted?: number;
  value?: string;
}

/** One process of `vault-worker.ts`. */
class Worker {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  #output = "";
  #errors = "";

  constructor(scene: FileScene, task: string, name: string, ...more: string[]) {
    const hook = join(import.meta.dirname, "../../tools/sources.ts");
    const program = join(import.meta.dirname, "vault-worker.ts");
    const args = ["--disable-warning=ExperimentalWarning", "--import", hook, program, scene.path, task, name, ...more];
    this.#child = spawn(process.execPath, args, { stdio: "pipe" });
    this.#child.stdout?.on("data", (chunk) => (this.#output += String(chunk)));
    this.#child.stderr?.on("data", (chunk) => (this.#errors += String(chunk)));
    this.ended = new Promise((resolve) => this.#child.on("close", resolve));
    this.#child.stdin?.write(`${scene.keyText.reveal()}\n`);
  }

  /** Without the last line, which a killed process may have begun. */
  get facts(): Fact[] {
    const lines = this.#output.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Fact); // printed by the worker
  }

  async ready(): Promise<void> {
    while (!this.facts.some(({ ready }) => ready)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the worker ended: ${this.#errors}`);
      await pause(5);
    }
  }

  start(): void {
    this.#child.stdin?.write("start\n");
  }

  async finished(): Promise<void> {
    const code = await this.ended;
    expect({ code, errors: this.#errors }).toEqual({ code: 0, errors: "" });
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

let scene: FileScene;
const workers: Worker[] = [];

beforeEach(async () => {
  scene = await FileScene.make();
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  await scene.dispose();
});

async function startAll(...all: Worker[]): Promise<void> {
  workers.push(...all);
  await Promise.all(all.map((worker) => worker.ready()));
  for (const worker of all) worker.start();
}

test("four processes create entries at once: all are there, and the log has no gap", async () => {
  const all = ["a", "b", "c", "d"].map((name) => new Worker(scene, "create", name, "10"));
  await startAll(...all);
  await Promise.all(all.map((worker) => worker.finished()));
  const vault = scene.open();
  const names = (await collect(vault.listCredentials())).map(({ name }) => name);
  expect(names).toHaveLength(4 * 10 * 5);
  expect(new Set(names)).toEqual(new Set(all.flatMap(({ facts }) => facts.flatMap(({ created = [] }) => created))));
  const events = await collect(vault.listEvents());
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(await vault.check()).toMatchObject({ ok: true });
}, 120_000);

test("of processes that claim the same names and accounts, the first in each batch wins as a whole", async () => {
  const all = ["same", "same", "same"].map((name) => new Worker(scene, "create", name, "3"));
  await startAll(...all);
  const codes = await Promise.all(all.map(({ ended }) => ended));
  expect(codes.filter((code) => code === 0).length).toBeLessThanOrEqual(1);
  const vault = scene.open();
  const created = all.flatMap(({ facts }) => facts.flatMap((fact) => fact.created ?? []));
  expect(new Set(created).size).toBe(created.length);
  expect(await collect(vault.listCredentials())).toHaveLength(created.length);
  expect(await vault.check()).toMatchObject({ ok: true });
}, 120_000);

test("three processes rotate one credential: one at a time, and no version is lost or doubled", async () => {
  const made = await scene.with((vault) => createOne(vault, { name: "shared", targets: [target("shared")] }));
  const all = ["a", "b", "c"].map((name) => new Worker(scene, "rotate", name, "5"));
  await startAll(...all);
  await Promise.all(all.map((worker) => worker.finished()));
  const vault = scene.open();
  const { versions, journal } = await vault.readCredential(made.id);
  expect(versions.map(({ number }) => number)).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
  expect(versions.filter(({ state }) => state === "current")).toHaveLength(1);
  expect(journal).toEqual({ fencing: 15, draws: 0 });
  for (const { promoted = 0, value = "" } of all.flatMap(({ facts }) => facts.filter((fact) => fact.promoted))) {
    expect(await readValue(vault, made.id, promoted)).toBe(value);
  }
  expect(await vault.check()).toMatchObject({ ok: true });
}, 120_000);

test("whatever a killed process had reported is there, and whatever it was doing is there whole or not at all", async () => {
  const made = await scene.with((vault) => createOne(vault, { name: "shared", targets: [target("shared")] }));
  let reported = 0;
  for (let round = 0; round < 5; round += 1) {
    const creator = new Worker(scene, "create", `r${round}`);
    const rotator = new Worker(scene, "rotate", `r${round}`);
    await startAll(creator, rotator);
    // A busy machine gives them little time: one is seen at work before both are killed somewhere in the middle.
    while (creator.facts.length < 2) await pause(5); // the first says that it is ready
    await pause(Math.random() * 150);
    await Promise.all([creator.kill(), rotator.kill()]);
    reported += creator.facts.length + rotator.facts.length;

    await scene.with(async (vault) => {
      expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
      const entries = await collect(vault.listCredentials());
      const names = new Set(entries.map(({ name }) => name));
      for (const name of creator.facts.flatMap(({ created = [] }) => created)) expect(names).toContain(name);
      expect((names.size - 1) % 5).toBe(0); // batches of five, and the shared one
      const answers = await vault.readMany(entries.filter(({ name }) => name !== "shared").map(({ id }) => ({ id })));
      for (const answer of answers) {
        if (answer instanceof Error) throw answer;
        expect(answer.value.reveal()).toBe(`value of ${answer.path.join()}`);
      }
      for (const { promoted, value = "" } of rotator.facts) {
        if (promoted !== undefined) expect(await readValue(vault, made.id, promoted)).toBe(value);
      }
      // The dead holder's lease is taken over by its number, as the rotation does.
      const { journal } = await vault.readCredential(made.id);
      if (journal.lease) {
        const takeOver = journal.lease.fencing;
        const { lease } = await vault.acquireLease(made.id, { holder: "mender", ttlSeconds: 60, takeOver });
        await vault.record(lease, [{ step: "release" }]);
      }
    });
  }
  expect(reported).toBeGreaterThanOrEqual(15); // of five rounds: two of the one and one of the other at least
}, 240_000);

test("a process that waits too long for the write lock is told LOCKED, and nothing was changed", async () => {
  const vault = scene.open({ longestWaitMs: 150 });
  await createOne(vault, { name: "first" });
  const lock = new Connection(scene.sqlite());
  lock.db.exec("BEGIN IMMEDIATE");
  const waiting = failure(createOne(vault, { name: "second" }), "LOCKED");
  expect((await vault.identity()).name).toBe("test"); // readers aren't kept waiting
  await waiting;
  lock.db.exec("ROLLBACK");
  lock.close();
  await createOne(vault, { name: "second" });
});

test("while a process waits for the lock, its event loop goes on", async () => {
  const vault = scene.open({ longestWaitMs: 5_000 });
  await vault.identity();
  const lock = new Connection(scene.sqlite());
  lock.db.exec("BEGIN IMMEDIATE");
  let ticks = 0;
  const ticking = setInterval(() => (ticks += 1), 10);
  const waiting = createOne(vault, { name: "a" });
  await pause(300);
  clearInterval(ticking);
  lock.db.exec("ROLLBACK");
  lock.close();
  await waiting;
  expect(ticks).toBeGreaterThan(5);
});

test("a vault that was restored or re-keyed by another process refuses everything until it is opened again", async () => {
  const changes = [{ restoreCounter: 1 }, { keyNumber: 2 }];
  for (const change of changes) {
    const own = await FileScene.make();
    const vault = own.open();
    const made = await createOne(vault, { name: "a", targets: [target("a")], ...withValue("v") });
    const rows = new EmbeddedRows(own.options());
    await rows.inspect(({ store: { keys, meta } }) => {
      const connection = new Connection(own.sqlite());
      writeMeta(connection, keys, { ...meta, ...change });
      connection.close();
    });
    await rows.close();
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await failure(rotate(vault, made, "w"), "ROLLED_BACK");
      await failure(vault.readMany([{ id: made.id }]), "ROLLED_BACK");
      await failure(vault.identity(), "ROLLED_BACK");
    }
    if ("restoreCounter" in change) expect((await own.open().identity()).restoreCounter).toBe(1);
    await own.dispose();
  }
});
