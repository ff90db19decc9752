import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { EntryNumbers } from "../../../provider/server/lockself/entry-numbers.js";
import { SPAN_EVENTS } from "../../../provider/server/lockself/log-index.js";
import { readSlice } from "../../../provider/server/lockself/log-slice.js";
import { event, IndexScene, LogOf } from "../../fixtures/event-log.js";

const EVENTS = 60_090;
/** Every tenth creates an entry, and the one after it changes the first entry. */
const at = (seq: number) => new Date(Date.UTC(2030, 0, 1) + seq * 1_000).toISOString();
const large = (length: number) =>
  Array.from({ length }, (_, index) => {
    const seq = index + 1;
    if (seq % 10 === 0) return event(seq, "credential.created", [`cr_${seq}`], at(seq));
    return seq % 10 === 1 && seq > 10
      ? event(seq, "credential.updated", ["cr_10"], at(seq))
      : event(seq, "credential.read", ["cr_10"], at(seq));
  });
const log = new IndexScene();
const events = large(EVENTS);
const vault = new LogOf(events);
beforeAll(() => new EntryNumbers(vault, log.index()).catchUp());
afterAll(() => log.close());

test("a start reads what came since the last whole span, and no more of it at any request", async () => {
  vault.forget();
  const numbers = new EntryNumbers(vault, log.index());
  expect(await numbers.numberOf("cr_10")).toBe(10);
  expect(await numbers.idOf("cr_", 30_000)).toBe("cr_30000");
  expect(vault.read).toBe(0);
  await numbers.catchUp();
  expect(vault.read).toBe(EVENTS % SPAN_EVENTS);
  await numbers.catchUp();
  expect(vault.read).toBe(EVENTS % SPAN_EVENTS);
  expect(await numbers.numberOf(`cr_${EVENTS}`)).toBe(EVENTS);
  expect(numbers.changedAt("cr_10")).toBe(at(EVENTS - 9));
  expect(numbers.inOrder([{ id: "cr_60090" }, { id: "cr_500" }, { id: "cr_20" }]).map(({ id }) => id)).toEqual([
    ...["cr_20", "cr_500", "cr_60090"],
  ]);
});

test("a slice reads itself and the two spans at its ends", async () => {
  const numbers = new EntryNumbers(vault, log.index());
  await numbers.catchUp();
  const slice = async (from: number, to: number, skip: number, limit: number) => {
    vault.forget();
    const between = { from: Date.parse(at(from)), to: Date.parse(at(to)) };
    const { found, total } = await readSlice(vault, numbers.spans(), between, { skip, limit });
    return { seqs: found.map(({ seq }) => seq), total, read: vault.read };
  };
  const whole = await slice(1, EVENTS, 30_150, 100);
  expect(whole).toMatchObject({ total: EVENTS, read: 100 });
  expect([whole.seqs[0], whole.seqs.at(-1), whole.seqs.length]).toEqual([30_151, 30_250, 100]);
  const part = await slice(1_050, 50_049, 5, 3);
  expect(part).toMatchObject({ seqs: [1_055, 1_056, 1_057], total: 49_000 });
  expect(part.read).toBeLessThanOrEqual(2 * SPAN_EVENTS);
  expect(await slice(1, EVENTS, EVENTS - 2, 100)).toMatchObject({ seqs: [EVENTS - 1, EVENTS], read: 2 });
  expect(await slice(1, EVENTS, EVENTS, 100)).toEqual({ seqs: [], total: EVENTS, read: 0 });
  expect(await slice(70_000, 80_000, 0, 100)).toEqual({ seqs: [], total: 0, read: 0 });
});

test("every slice is the one that a reader of the whole log would cut, also where the clock was set back", async () => {
  const turned = large(1_230).map((one) => ({ ...one, at: at((one.seq * 37) % 1_230) }));
  const source = new LogOf(turned);
  const own = new IndexScene();
  const numbers = new EntryNumbers(source, own.index());
  await numbers.catchUp();
  const number = fc.integer({ min: 0, max: 1_300 });
  await fc.assert(
    fc.asyncProperty(number, number, number, number, async (start, end, skip, limit) => {
      const between = { from: Date.parse(at(start)), to: Date.parse(at(end)) };
      const all = turned.filter((one) => Date.parse(one.at) >= between.from && Date.parse(one.at) <= between.to);
      const expected = { found: all.slice(skip, skip + limit), total: all.length };
      expect(await readSlice(source, numbers.spans(), between, { skip, limit })).toEqual(expected);
    }),
    { numRuns: 60 },
  );
  own.close();
});

test("another log, such as that of the vault before a restore, is read from its beginning", async () => {
  const own = new IndexScene();
  await new EntryNumbers(new LogOf(large(450)), own.index()).catchUp();
  const restored = new LogOf([...large(210), event(211, "vault.restored", [], at(211))]);
  const numbers = new EntryNumbers(restored, own.index());
  await numbers.catchUp();
  expect(restored.read).toBe(211);
  expect([numbers.peek("cr_200"), numbers.peek("cr_300")]).toEqual([200, undefined]);
  own.close();
});

test("who can write the file only moves no number, hides no event, and makes no log of his own", async () => {
  const own = new IndexScene();
  const source = new LogOf(large(450));
  const openIndex = async () => {
    const numbers = new EntryNumbers(source, own.index());
    await numbers.catchUp();
    return numbers;
  };
  await openIndex();
  const { db } = own.file.connection;
  const numbers = await openIndex();
  db.exec("UPDATE lockself_entry SET number = 777 WHERE id = 'cr_20'");
  expect(() => numbers.peek("cr_20")).toThrow("was altered");
  await expect(numbers.idOf("cr_", 777)).rejects.toMatchObject({ code: "CORRUPT" });
  db.exec("UPDATE lockself_span SET body = (SELECT body FROM lockself_span WHERE last = 400) WHERE last = 200");
  expect(() => [...numbers.spans()]).toThrow("was altered");
  db.exec("DELETE FROM lockself_span WHERE last = 400");
  expect(() => [...numbers.spans()]).toThrow("was altered");
  db.exec("UPDATE lockself_log SET body = (SELECT body FROM lockself_span WHERE last = 200)");
  source.forget();
  expect((await openIndex()).peek("cr_20")).toBe(20);
  expect(source.read).toBe(450);
  own.close();
});
