import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { compareEntries } from "../../provider/exchange/compare.js";
import { pathText } from "../../provider/exchange/entry.js";
import { importFile } from "../../provider/exchange/import.js";
import { writeKdbx } from "../../provider/exchange/kdbx.js";
import { readLockselfCsv, writeLockselfCsv } from "../../provider/exchange/lockself-csv.js";
import { moveEntries } from "../../provider/exchange/move.js";
import { readEntries } from "../../provider/exchange/read-vault.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { openKeepassVault } from "../../provider/vault/keepass/keepass-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { newVault, sharedServer } from "../fixtures/openbao.js";

const ENTRIES = 5_000;
const HEADER = "Name;URL;Username;Password;Category/SubCategory;Tags;Description;Opt1;Opt2;Opt3;Totp";

afterAll(async () => (await sharedServer()).stop());

/** Every kind of cell: quotes, separators, line breaks, accents, what looks like a formula, and empty ones. */
function lineOf(index: number): string {
  const odd = ['"p;""q"""', '"two\nlines"', "=1+1", "@é€", "'kept'", "-x"][index % 6] ?? "";
  const password = index % 5 === 0 ? odd : `p-${String(index)}-ü`;
  const totp = index % 7 === 0 ? "JBSWY3DPEHPK3PXP" : "";
  const options = [index % 3 === 0 ? `o1-${String(index)}` : "", index % 11 === 0 ? odd : "", ""].join(";");
  const category = `Ship ${String(index % 40)}/${["bridge", "network", "doors"][index % 3] ?? ""}`;
  return `entry ${String(index)};https://h${String(index)};u${String(index)};${password};${category};"a,t${String(index % 4)}";note ${String(index)};${options};${totp}`;
}

const entriesOf = async (vault: Vault) =>
  (await readEntries(vault)).entries
    .map(({ entry }) => entry)
    .sort((left, right) => (pathText(left.path) < pathText(right.path) ? -1 : 1));

test("5,000 entries go from a LockSelf CSV to a file, to KeePass, to OpenBao and back, and nothing is lost", async () => {
  const folder = await mkdtemp(join(tmpdir(), "coffre-round-trip-"));
  const opened: Vault[] = [];
  try {
    const csv = Buffer.from([HEADER, ...Array.from({ length: ENTRIES }, (_, index) => lineOf(index))].join("\n"));
    const file = readLockselfCsv(csv, "lockself.csv");
    const key = { keyText: newKeyText() };
    const path = join(folder, "prod.db");
    await createEmbeddedVault({ path, name: "prod", key, actor: "a test", clock: systemClock });
    const embedded = openEmbeddedVault({ path, key, actor: "a test", clock: systemClock });
    opened.push(embedded);
    const report = await importFile({ vault: embedded, file, fileDigest: "a file", onExisting: "fail" });
    expect([report.problems, report.steps.length]).toEqual([[], ENTRIES]);

    const { entries, categories } = await readEntries(embedded);
    const kdbx = { path: join(folder, "prod.kdbx"), key: { passphrase: new Secret("a passphrase of eight words") } };
    const copies = entries.map(({ credential: { id, createdAt }, entry }) => ({ id, createdAt, entry }));
    const written = await writeKdbx({ ...kdbx, vault: await embedded.identity(), categories, entries: copies });
    expect(written).toEqual({ notes: [], kept: 0 });
    const keepass = openKeepassVault({ path: kdbx.path, key: () => kdbx.key, actor: "a test", clock: systemClock });
    opened.push(keepass);
    const [here, there] = [await entriesOf(embedded), await entriesOf(keepass)];
    expect([here.length, there.length, await keepass.notes()]).toEqual([ENTRIES, ENTRIES, []]);
    const differs = (left: typeof here, right: typeof here) =>
      left.flatMap((entry, index) => compareEntries(entry, right[index] ?? { ...entry, path: [], values: [] }));
    expect(differs(here, there)).toEqual([]);

    const bao = (await newVault({ name: "bao" })).open();
    opened.push(bao);
    const moved = await moveEntries({ source: keepass, destination: bao, keep: true });
    expect(moved).toMatchObject({ proven: ENTRIES, removed: 0, differences: [], stays: [], notes: [] });
    const last = await entriesOf(bao);
    expect(differs(here, last)).toEqual([]);

    // The comparison itself is looked at: one altered value is found.
    const altered = last.map((entry, index) => {
      if (index !== 17) return entry;
      const [first, ...others] = entry.values;
      const version = { type: "secret" as const, value: new Secret("altered") };
      return { ...entry, values: first ? [{ ...first, versions: [version] }, ...others] : others };
    });
    expect(differs(here, altered)).toHaveLength(1);

    const back = readLockselfCsv(writeLockselfCsv(last, "root").bytes, "back.csv").entries;
    const byPath = new Map(back.map((entry) => [pathText(entry.path), entry]));
    expect(
      file.entries.flatMap((entry) => compareEntries(entry, byPath.get(pathText(entry.path)) ?? entry, "current")),
    ).toEqual([]);
    expect(byPath.size).toBe(ENTRIES);
  } finally {
    await Promise.all(opened.map((vault) => vault.close()));
    await rm(folder, { recursive: true });
  }
}, 1_800_000);
