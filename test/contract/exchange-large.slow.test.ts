import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { importFile } from "../../provider/exchange/import.js";
import { readLockselfCsv } from "../../provider/exchange/lockself-csv.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { collect } from "./vault-cases/setup.js";

const LINES = 50_000;
const HEADER = "Name;URL;Username;Password;Category/SubCategory;Tags;Description;Opt1;Opt2;Opt3;Totp";

function lineOf(index: number): string {
  const category = `Ship ${String(index % 50)}/${["bridge", "network", "doors"][index % 3] ?? ""}`;
  return `n${String(index)};https://h${String(index)};u;p${String(index)}é;${category};t;;;;;`;
}

test("a CSV of 50,000 lines comes into a vault in a file whole, in one write, and again it does nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "coffre-large-"));
  const key = { keyText: newKeyText() };
  const path = join(folder, "prod.db");
  await createEmbeddedVault({ path, name: "prod", key, actor: "a test", clock: systemClock });
  const vault = openEmbeddedVault({ path, key, actor: "a test", clock: systemClock });
  try {
    const csv = Buffer.from([HEADER, ...Array.from({ length: LINES }, (_, index) => lineOf(index))].join("\n"));
    const file = readLockselfCsv(csv, "lockself.csv");
    const request = { vault, file, fileDigest: "a file", onExisting: "fail" as const };
    const report = await importFile(request);
    expect([report.problems, report.steps.length]).toEqual([[], LINES]);

    const found = await collect(vault.listCredentials());
    expect(found).toHaveLength(LINES);
    const sample = found.filter((_, index) => index % 997 === 0);
    const answers = await vault.readMany(sample.map(({ id }) => ({ id })));
    for (const [index, answer] of answers.entries()) {
      if (answer instanceof Error) throw answer;
      expect(answer.value.reveal()).toBe(`p${(sample[index]?.name ?? "").slice(1)}é`);
    }
    const { head } = await vault.identity();
    await importFile(request);
    expect((await vault.identity()).head).toBe(head);
  } finally {
    await vault.close();
    await rm(folder, { recursive: true });
  }
}, 600_000);
