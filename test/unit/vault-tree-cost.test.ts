import { expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { MemoryRows } from "../../provider/vault/memory/memory-rows.js";
import type { TreeChange } from "../../provider/vault/port.js";
import { RecordVault } from "../../provider/vault/records/record-vault.js";
import type { ReadRows, Rows } from "../../provider/vault/records/rows.js";

/** Counts the categories that are looked at, by whatever way. */
class CountingRows extends MemoryRows implements Rows {
  looks = 0;

  override write<T>(work: Parameters<typeof MemoryRows.prototype.write<T>>[0]): Promise<T> {
    return super.write((tx) => work(this.#counting(tx)));
  }

  #counting<Tx extends ReadRows>(tx: Tx): Tx {
    return new Proxy(tx, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        if (typeof found !== "function") return found;
        return (...parameters: unknown[]) => {
          const answer: unknown = Reflect.apply(found, target, parameters);
          if (name === "category") this.looks += 1;
          if (name === "categories" || name === "categoriesIn") this.looks += (answer as unknown[]).length;
          return answer;
        };
      },
    });
  }
}

const CHANGES: [string, (vault: RecordVault, id: string) => Promise<unknown>][] = [
  ["an updated category", (vault, id) => vault.updateCategory(id, { policy: { minLength: 14 } })],
  [
    "a write of many changes",
    (vault, id) => vault.changeTree([{ change: "update-category", id, patch: { policy: { minLength: 14 } } }]),
  ],
];

test.each(CHANGES)("%s costs what stands below it, however many other trees there are", async (_what, change) => {
  const looks = await Promise.all(
    [3, 60].map(async (trees) => {
      const rows = new CountingRows("cost");
      const vault = new RecordVault(rows, { actor: "test", clock: systemClock });
      const [id = ""] = await vault.changeTree(Array.from({ length: trees }, (_, index) => tree(index)).flat());
      rows.looks = 0;
      await change(vault, id);
      return rows.looks;
    }),
  );
  expect(looks[0]).toBeGreaterThan(0);
  expect(looks[1]).toBe(looks[0]);
});

/** A category with one in it, which has a policy that those above it are held against. */
function tree(index: number): TreeChange[] {
  return [
    { change: "create-category", input: { name: `Ship ${index}`, parentId: null } },
    {
      change: "create-category",
      input: { name: "Bridge", parentId: { made: 2 * index }, policy: { maxLength: 30 } },
    },
  ];
}
