import { DatabaseSync } from "node:sqlite";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { collect, createOne, failure, readValue, withValue } from "./vault-cases/setup.js";
import { FileScene } from "./vault-scene.js";

/** A disk whose syncs end when the test says so. */
class SlowDisk {
  begun = 0;
  #flows = false;
  readonly #waiting: ((error: Error | undefined) => void)[] = [];

  readonly syncData = async (): Promise<void> => {
    this.begun += 1;
    if (this.#flows) return;
    const error = await new Promise<Error | undefined>((resolve) => this.#waiting.push(resolve));
    if (error !== undefined) throw error;
  };

  /** Lets the oldest sync end. */
  end(error?: Error): void {
    this.#waiting.shift()?.(error);
  }

  /** From now on nothing is waited for. */
  flow(): void {
    this.#flows = true;
    while (this.#waiting.length > 0) this.end();
  }
}

/** What has been answered by now, of several calls. */
async function answered(...calls: Promise<unknown>[]): Promise<boolean[]> {
  const done = calls.map(() => false);
  for (const [index, call] of calls.entries()) {
    const note = () => {
      done[index] = true;
    };
    call.then(note, note);
  }
  for (let turns = 0; turns < 20; turns++) await turn();
  return done;
}

describe("what the embedded vault answers is on disk", () => {
  let scene: FileScene;
  let disk: SlowDisk;
  beforeEach(async () => {
    scene = await FileScene.make();
    disk = new SlowDisk();
  });
  afterEach(async () => {
    disk.flow();
    await scene.dispose();
  });

  /** An opened vault whose first sync is over. */
  async function open() {
    const vault = scene.open({ syncData: disk.syncData });
    const opening = vault.identity();
    while (disk.begun === 0) await turn();
    disk.end();
    await opening;
    return vault;
  }

  test("a write answers after its sync, and so does a read of what it wrote", async () => {
    const vault = await open();
    const write = vault.createCategory({ name: "Production", parentId: null });
    const [isWritten] = await answered(write);
    const read = collect(vault.listCategories());
    expect([isWritten, ...(await answered(read))]).toEqual([false, false]);
    disk.end();
    expect(await answered(write, read)).toEqual([true, true]);
    expect((await read).map(({ name }) => name)).toEqual(["Production"]);
    expect(disk.begun).toBe(2);
    // Nothing new was seen: nothing to wait for.
    expect((await collect(vault.listCategories())).length).toBe(1);
    expect(disk.begun).toBe(2);
  });

  test("a write that was committed while a sync ran waits for the next one; many share it", async () => {
    const vault = await open();
    const first = vault.createCategory({ name: "first", parentId: null });
    await answered(first);
    const later = ["a", "b", "c"].map((name) => vault.createCategory({ name, parentId: null }));
    await answered(...later);
    disk.end();
    expect(await answered(first, ...later)).toEqual([true, false, false, false]);
    disk.end();
    expect(await answered(first, ...later)).toEqual([true, true, true, true]);
    expect(disk.begun).toBe(3);
  });

  test("while writes share syncs, the next one waits a moment for more", async () => {
    const vault = await open();
    disk.flow();
    const write = (name: string) => vault.createCategory({ name, parentId: null });
    let shared = false;
    // On a busy machine the moment may be over before the second write is made.
    for (let tries = 0; !shared && tries < 50; tries++) {
      await Promise.all(["a", "b", "c"].map((name) => write(`${name} ${tries}`)));
      const before = disk.begun;
      const first = write(`first ${tries}`);
      await turn();
      await turn();
      await Promise.all([first, write(`second ${tries}`)]);
      shared = disk.begun === before + 1;
    }
    expect(shared).toBe(true);
  });

  test("what another process wrote is answered once it is on disk as well", async () => {
    const vault = await open();
    await scene.with((other) => other.createCategory({ name: "theirs", parentId: null }));
    const read = collect(vault.listCategories());
    expect(await answered(read)).toEqual([false]);
    disk.end();
    expect((await read).map(({ name }) => name)).toEqual(["theirs"]);
  });

  test("closing waits for what is still to be answered", async () => {
    const vault = await open();
    const write = vault.createCategory({ name: "Production", parentId: null });
    await answered(write);
    const closing = vault.close();
    expect(await answered(closing)).toEqual([false]);
    disk.end();
    expect(await answered(write, closing)).toEqual([true, true]);
  });

  test("a vault without a write-ahead log answers too, its commits being synced one by one", async () => {
    await scene.with((vault) => vault.createCategory({ name: "before", parentId: null }));
    const db = new DatabaseSync(scene.path);
    expect(db.prepare("PRAGMA journal_mode = DELETE").get()).toEqual({ journal_mode: "delete" });
    db.close();
    const vault = scene.open({ syncData: disk.syncData });
    for (const name of ["first", "second", "third"]) await vault.createCategory({ name, parentId: null });
    expect((await collect(vault.listCategories())).length).toBe(4);
    expect(disk.begun).toBe(0);
  });

  test.each([
    ["ENOSPC", "DISK_FULL"],
    ["EIO", "CORRUPT"],
  ] as const)(
    "after a sync that failed with %s nothing is answered any more, and a new opening has it all",
    async (code, expected) => {
      const vault = await open();
      const write = vault.createCategory({ name: "Production", parentId: null });
      const read = answered(write).then(() => collect(vault.listCategories()));
      const [failedWrite, failedRead] = [failure(write, expected), failure(read, expected)];
      await answered(read);
      disk.end(Object.assign(new Error("the disk"), { code }));
      expect((await failedWrite).message).toContain(code);
      expect(await failedRead).toBeInstanceOf(CoffreError);
      await failure(vault.createCategory({ name: "later", parentId: null }), expected);
      await vault.close();
      await scene.with(async (again) => {
        expect((await collect(again.listCategories())).map(({ name }) => name)).toEqual(["Production"]);
      });
    },
  );

  test("a value is handed out once the event of its reading is on disk", async () => {
    const { id } = await scene.with((vault) => createOne(vault, { name: "orders", ...withValue("old") }));
    const vault = await open();
    const reading = readValue(vault, id);
    expect(await answered(reading)).toEqual([false]);
    disk.end();
    expect(await reading).toBe("old");
  });
});
