import { expect, test } from "@jest/globals";
import { EMPTY } from "../../provider/vault/documents/directory.js";
import { wrapDirectory } from "../../provider/vault/documents/documents.js";
import type { DocumentPaths, DocumentStorage, Kept } from "../../provider/vault/documents/storage.js";
import { Store } from "../../provider/vault/documents/store.js";

const PATHS = { directory: ["directory"] } as unknown as DocumentPaths;

/** A server that answers when the test says so. */
class SlowStorage {
  readonly waiting: ((kept: Kept) => void)[] = [];
  asked = 0;

  readonly storage = {
    read: () => {
      this.asked += 1;
      return new Promise<Kept>((resolve) => this.waiting.push(resolve));
    },
    pathText: (path: readonly string[]) => path.join("/"),
  } as unknown as DocumentStorage; // nothing else is called

  fail(): void {
    this.waiting.shift()?.({ version: 0, data: undefined }); // as if it was gone
  }

  answer(version: number): void {
    this.waiting.shift()?.({ version, data: wrapDirectory(EMPTY) });
  }
}

function scene() {
  const server = new SlowStorage();
  return { server, store: new Store(server.storage, PATHS, async () => undefined) };
}

test("work that began before the directory was asked for shares the answer", async () => {
  const { server, store } = scene();
  const began = performance.now();
  const both = [store.loadDirectory(began), store.loadDirectory(began)];
  expect(server.asked).toBe(1);
  server.answer(3);
  await Promise.all(both);
  expect(store.directory?.version).toBe(3);
});

test("work that begins while the directory is asked for asks again: the answer may be older than what it has to see", async () => {
  const { server, store } = scene();
  const first = store.loadDirectory(performance.now());
  await new Promise((resolve) => setTimeout(resolve, 2));
  const second = store.loadDirectory(performance.now());
  expect(server.asked).toBe(2);
  server.answer(3);
  server.answer(4);
  await Promise.all([first, second]);
  expect(store.directory?.version).toBe(4);
});

test("who shares a question that fails asks once himself, and with others who shared it", async () => {
  const { server, store } = scene();
  const began = performance.now();
  const all = [1, 2, 3].map(() => store.loadDirectory(began));
  const answers = Promise.allSettled(all);
  server.fail();
  await new Promise((resolve) => setTimeout(resolve, 2));
  expect(server.asked).toBe(2);
  server.answer(3);
  expect((await answers).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);

  const again = [1, 2].map(() => store.loadDirectory(began));
  const failed = Promise.allSettled(again);
  server.fail();
  await new Promise((resolve) => setTimeout(resolve, 2));
  server.fail();
  expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(server.asked).toBe(4);
});

test("an answered question is asked again, and one that failed as well", async () => {
  const { server, store } = scene();
  const began = performance.now();
  const first = store.loadDirectory(began);
  server.answer(3);
  await first;
  const next = store.loadDirectory(began);
  expect(server.asked).toBe(2);
  server.waiting.shift()?.({ version: 0, data: undefined });
  await expect(next).rejects.toMatchObject({ code: "CORRUPT" });
  const last = store.loadDirectory(began);
  expect(server.asked).toBe(3);
  server.answer(3);
  await last;
});
