import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { collect } from "../../provider/core/collect.js";
import { Secret } from "../../provider/core/secret.js";
import { readEntries } from "../../provider/exchange/read-vault.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { type EmbeddedVault, openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { FieldChange, Vault } from "../../provider/vault/port.js";
import { stage } from "../contract/vault-cases/steps.js";
import { Shell } from "./shell.ts";

jest.setTimeout(600_000);

/** More than one write takes. */
const ENTRIES = 130;

let shell: Shell;
let to: string;
beforeEach(async () => {
  shell = await Shell.open();
  await fill(await shell.makeVault("prod"));
  to = join(shell.home, "robots.db");
  const key = { keyFile: shell.keyFile };
  await createEmbeddedVault({ path: to, name: "robots", key, actor: "a test", clock: systemClock });
});
afterEach(() => shell.close());

/** Entries in two categories, each with three passwords, and a field with two values. */
async function fill(vault: Vault): Promise<void> {
  const above = await vault.createCategory({ name: "Partners", parentId: null, policy: { minLength: 3 } });
  const below = await vault.createCategory({ name: "Mail", parentId: above.id });
  const put = (value: string): FieldChange => {
    return { change: "put", name: "token", type: "secret", value: new Secret(value), cause: "test" };
  };
  const made = await vault.createCredentials(
    Array.from({ length: ENTRIES }, (_, index) => ({
      name: `entry-${index}`,
      categoryId: index % 2 === 0 ? above.id : below.id,
      initial: { value: new Secret(`first of ${index}`), causes: ["test"] },
      fields: [put(`token of ${index}`), put(`other of ${index}`)],
    })),
  );
  for (const { id } of made) {
    await vault.acquireLease(id, { holder: "h", ttlSeconds: 60 }, [
      ...[2, 3].flatMap((version) => [
        stage(`value ${version} of ${id}`),
        { step: "promote" as const, version, verified: false },
      ]),
      { step: "release" },
    ]);
  }
  await vault.close();
}

const args = () => ["move", "--to", `file://${to}`, "--to-key-file", shell.keyFile, "--json"];

function open(path: string): EmbeddedVault {
  return openEmbeddedVault({ path, key: { keyFile: shell.keyFile }, actor: "a test", clock: systemClock });
}

/** Everything of a vault's live entries but their ids and dates. */
async function contentOf(path: string): Promise<string[]> {
  const vault = open(path);
  const { entries } = await readEntries(vault);
  await vault.close();
  return entries
    .map(({ entry: { values, ...texts } }) => {
      const said = values.map(({ versions, ...value }) => [
        value,
        versions.map((one) => [one.type, one.value.reveal()]),
      ]);
      return JSON.stringify([texts, said]);
    })
    .sort();
}

/** How far a move has come, as anybody sees who has the files and no key. */
interface Seen {
  categories: number;
  copied: number;
  values: number;
  takenAway: number;
  left: number;
}

/** Reads without a lock that a writer would wait for. */
class Watch {
  readonly #source = new DatabaseSync(shell.vaultFile, { readOnly: true });
  readonly #destination = new DatabaseSync(to, { readOnly: true });

  look(): Seen {
    return {
      categories: this.#count(this.#destination, "category"),
      copied: this.#count(this.#destination, "credential"),
      values: this.#count(this.#destination, "value"),
      takenAway: this.#count(this.#source, "credential WHERE archived = 1"),
      left: this.#count(this.#source, "category"),
    };
  }

  close(): void {
    this.#source.close();
    this.#destination.close();
  }

  #count(db: DatabaseSync, table: string): number {
    return Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
  }
}

/** Moments over the whole of a move, each as what is then to be seen. */
const MOMENTS = {
  "at its first category": ({ categories }: Seen) => categories > 0,
  "after its first write of entries": ({ copied }: Seen) => copied > 0,
  "while it adds their earlier passwords": ({ values }: Seen) => values > 330,
  "after its second write of entries": ({ copied }: Seen) => copied === ENTRIES,
  "at the first that it takes away": ({ takenAway }: Seen) => takenAway > 0,
  "half-way through taking away": ({ takenAway }: Seen) => takenAway > ENTRIES / 2,
  "when all are away": ({ takenAway }: Seen) => takenAway === ENTRIES,
  "at the first category that goes": ({ left }: Seen) => left < 2,
};

/** Starts a move and kills it once the moment has come. @returns what was there then; `undefined` if it was done before */
async function killedAt(moment: (seen: Seen) => boolean): Promise<Seen | undefined> {
  const watch = new Watch();
  const child: ChildProcess = shell.start(args(), { stdio: "ignore" });
  const closed = once(child, "close");
  try {
    while (child.exitCode === null && !moment(watch.look())) await pause(1);
    child.kill("SIGKILL");
    await closed;
    return child.signalCode === "SIGKILL" ? watch.look() : undefined;
  } finally {
    watch.close();
  }
}

/** Each entry is on one side at least, whole, and in no vault twice. */
async function expectNothingLost(before: readonly string[]): Promise<void> {
  const [here, there] = [await contentOf(shell.vaultFile), await pathsIn(to)];
  expect(new Set(there).size).toBe(there.length);
  const whole = new Set([...here, ...(await contentOf(to))]);
  expect(before.filter((entry) => !whole.has(entry))).toEqual([]);
  for (const path of [shell.vaultFile, to]) {
    const vault = open(path);
    expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
    await vault.close();
  }
}

async function pathsIn(path: string): Promise<string[]> {
  const vault = open(path);
  const paths = (await collect(vault.listCredentials())).map((credential) => credential.path.join("/"));
  await vault.close();
  return paths;
}

async function expectFinished(before: readonly string[]): Promise<void> {
  const report = (await shell.json(args())) as { proven: number; removed: number };
  expect(report).toMatchObject({ differences: [], stays: [] });
  expect(await contentOf(to)).toEqual(before);
  expect(await pathsIn(shell.vaultFile)).toEqual([]);
  const source = open(shell.vaultFile);
  expect(await collect(source.listCategories())).toEqual([]);
  expect(await collect(source.listCredentials({ archived: true }))).toHaveLength(ENTRIES);
  await source.close();
}

/** The files of both vaults, to begin from anew. */
function keep(): { restore: () => void } {
  const kept = join(shell.home, "kept");
  const places = [shell.vaultFile, to];
  for (const path of places) cpSync(path, join(kept, basename(path)));
  return {
    restore() {
      for (const path of places) {
        for (const name of readdirSync(dirname(path))) {
          if (name.startsWith(`${basename(path)}-`)) rmSync(join(dirname(path), name)); // a killed one's log
        }
        cpSync(join(kept, basename(path)), path);
      }
    },
  };
}

test("killed once, the next run ends it: nothing is lost or doubled, and every field was compared", async () => {
  const before = await contentOf(shell.vaultFile);
  expect(before).toHaveLength(ENTRIES);
  const { restore } = keep();
  for (const name of ["while it adds their earlier passwords", "half-way through taking away"] as const) {
    const seen = await killedAt(MOMENTS[name]);
    // It was met at work: some are still to be copied, or to be taken away.
    expect({ name, seen }).toEqual({ name, seen: expect.anything() });
    expect((seen?.copied ?? 0) < ENTRIES || (seen?.takenAway ?? 0) < ENTRIES).toBe(true);
    await expectNothingLost(before);
    await expectFinished(before);
    restore();
  }
});

test("killed at every moment of one and the same move, one run after the other, it ends the same", async () => {
  const before = await contentOf(shell.vaultFile);
  let met = 0;
  for (const moment of Object.values(MOMENTS)) {
    if (await killedAt(moment)) met += 1;
    await expectNothingLost(before);
  }
  // The last ones may have ended before the signal came.
  expect(met).toBeGreaterThanOrEqual(5);
  await expectFinished(before);
  expect(await shell.json(args())).toMatchObject({ copied: [], proven: 0, removed: 0, differences: [] });
});
