import { expect } from "@jest/globals";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { type BackupScene, tell } from "./vault-backup-scene.js";
import { rotate, target, withValue } from "./vault-cases/setup.js";

/** Backs up a vault of so many credentials, and restores it: compared by the drill, and once more by the port. */
export async function drillOf(scene: BackupScene, vault: EmbeddedVault, count: number): Promise<void> {
  const categories: { id: string }[] = [];
  for (let index = 0; index < 50; index += 1)
    categories.push(await vault.createCategory({ name: `Team ${index}`, parentId: null, policy: { minLength: 20 } }));
  const inputs = Array.from({ length: count }, (_, index) => ({
    name: `entry ${index}`,
    categoryId: categories[index % 50]?.id ?? null,
    username: `user_${index}`,
    url: `https://app-${index}.example.com/`,
    description: `the ${index}th of them, für alle`,
    tags: ["drill", `t${index % 7}`],
    ...(index % 3 === 0 ? { rotation: { everyDays: 90, when: "scheduled" as const } } : {}),
    ...(index % 2 === 0 ? { targets: [target(`user_${index}`)] } : {}),
    ...withValue(`a value of its own, ${index} ${"*".repeat(index % 40)}`),
  }));
  const made = [];
  for (let at = 0; at < count; at += 500) made.push(...(await vault.createCredentials(inputs.slice(at, at + 500))));
  for (const credential of made.slice(0, 20)) await rotate(vault, credential, `the second value of ${credential.name}`);
  const { file } = await scene.backUp(vault);

  const report = await vault.drill(scene.source(file));
  expect(report).toMatchObject({ ok: true, differences: [], changedSince: 0, rows: { credential: count } });
  expect(report.same).toBeGreaterThan(2 * count);
  expect(report.fields).toBeGreaterThan(10 * count);

  // Once more by the port, as a person would see it: not the drill's own word.
  const { path } = await scene.intoNew(file);
  const told = await tell(vault);
  const again = await tell(scene.open({ path }));
  const plain = (all: Record<string, unknown>) =>
    JSON.stringify(all)
      .replaceAll(/,?"attention":\{[^}]*\}/g, "")
      .replaceAll(/"status":"(needs-attention|current)"/g, '"status":"?"');
  expect(plain(again) === plain(told)).toBe(true); // not toEqual: a difference of megabytes helps nobody
  expect((told["values"] as string[]).length).toBe(count + 20);
}
