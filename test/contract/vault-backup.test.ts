import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { throwAwayIdentity } from "../../provider/vault/embedded/backup/age.js";
import { openDraft } from "../../provider/vault/embedded/create.js";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { ALL_TABLES, DATA_TABLES } from "../../provider/vault/embedded/tables.js";
import { BackupScene, furnish, tell } from "./vault-backup-scene.js";
import { asRoot, FileScene, onTmpfs } from "./vault-scene.js";
import { collect, createOne, failure, HandClock, rotate, withValue } from "./vault-cases/setup.js";

let scene: BackupScene;
let vault: EmbeddedVault;
beforeEach(async () => {
  scene = await BackupScene.make();
  vault = scene.open();
});
afterEach(() => scene.dispose());

test("every table of the schema is one that backup, restore and re-key treat", () => {
  const draft = openDraft(join(scene.folder, "draft.db"));
  const tables = draft.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  draft.close();
  expect(tables.map(({ name }) => name).sort()).toEqual([...ALL_TABLES].sort());
});

test("a furnished vault has rows in every table that a backup holds, so that the tests look at all of them", async () => {
  await furnish(vault);
  const { rows } = await scene.backUp(vault);
  expect(Object.keys(rows)).toEqual(DATA_TABLES.map(({ name }) => name));
  expect(Object.entries(rows).filter(([, count]) => count === 0)).toEqual([]);
});

describe("the file", () => {
  test("has the vault's name and the time in its name, mode 0600, and is what the report says", async () => {
    const report = await scene.backUp(vault);
    expect(report.file).toMatch(/\/test-[0-9a-f]{8}-\d{8}T\d{9}Z\.coffre\.age$/);
    expect(statSync(report.file).mode & 0o777).toBe(0o600);
    expect(readdirSync(scene.to)).toHaveLength(1);
    const bytes = readFileSync(report.file);
    expect(report).toMatchObject({ bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
    expect(report.signer).toMatch(/^coffre-backup-key-1:[A-Za-z0-9_-]{43}$/);
    expect(bytes.toString("latin1")).toMatch(/^age-encryption\.org\/v1\n-> X25519 /);
  });

  test("shows no name and no value of the vault", async () => {
    await furnish(vault);
    const { file } = await scene.backUp(vault);
    const bytes = readFileSync(file).toString("latin1");
    for (const word of ["orders", "admin", "Production", "first value"]) expect(bytes).not.toContain(word);
  });

  test("is one event in the log, with its digest, after it is whole", async () => {
    const { file, sha256, events } = await scene.backUp(vault);
    const all = await collect(vault.listEvents());
    expect(all.at(-1)).toMatchObject({ action: "vault.backed-up", seq: events + 1, ids: [] });
    expect(all.at(-1)?.detail).toBe(`${file.slice(scene.to.length + 1)}, sha256 ${sha256}`);
  });

  test("opens for each of its recipients", async () => {
    const second = await throwAwayIdentity();
    await furnish(vault);
    const { file } = await scene.backUp(vault, { recipients: [scene.recipient, second.recipient] });
    await scene.intoNew(file, { name: "a.db" });
    await scene.intoNew(file, { name: "b.db", identities: [second.identity] });
  });

  test("is of one moment, though others write meanwhile", async () => {
    await furnish(vault);
    const other = scene.open();
    const before = await tell(vault);
    const { head } = await vault.identity();
    let busy = true;
    const writing = (async () => {
      for (let turn = 0; busy; turn += 1) {
        await createOne(other, { name: `during ${turn}`, ...withValue("x") });
        await setImmediate(); // the vault answers without one
      }
    })();
    const report = await scene.backUp(vault);
    busy = false;
    await writing;
    const { path } = await scene.intoNew(report.file);
    const restored = scene.open({ path });
    expect(await restored.check()).toMatchObject({ ok: true });
    const names = (await collect(restored.listCredentials())).map(({ name }) => name);
    expect(report.events).toBeGreaterThanOrEqual(head);
    expect(names.filter((name) => name.startsWith("during"))).toHaveLength(report.events - head);
    expect(JSON.stringify(before)).toContain("orders, second value");
  });
});

describe("what is refused, before a file is made", () => {
  test.each([
    [[], "A backup needs a recipient"],
    [["age1nonsense"], "Recipient 1 is no age recipient"],
    [["ssh-ed25519 AAAA"], "Recipient 1 is no age recipient"],
  ])("recipients %j", async (recipients, problem) => {
    const error = await failure(scene.backUp(vault, { recipients }), "INVALID_INPUT");
    expect(error.problem).toContain(problem);
    expect(readdirSync(scene.to)).toEqual([]);
  });

  test("an identity in the place of a recipient, without repeating it", async () => {
    const secret = scene.identity.reveal();
    const error = await failure(scene.backUp(vault, { recipients: [scene.recipient, secret] }), "INVALID_INPUT");
    expect(error.problem).toContain("Recipient 2 is an identity");
    expect(error.message).not.toContain(secret);
  });

  test("a folder that can't be written", async () => {
    writeFileSync(join(scene.to, "file"), "");
    await failure(scene.backUp(vault, { to: join(scene.to, "file") }), "READ_ONLY");
  });

  test("a damaged vault: a backup never repeats damage in silence", async () => {
    const { orders } = await furnish(vault);
    await scene.closeAll();
    scene.sql((db) => db.exec(`DELETE FROM value WHERE credential_id = '${orders.id}' AND version = 1`));
    await failure(scene.backUp(scene.open()), "CORRUPT");
    expect(readdirSync(scene.to)).toEqual([]);
  });

  asRoot("a full disk: nothing is left of it", async () => {
    await furnish(vault);
    const small = new FileScene();
    await onTmpfs(small, "size=8k", async () => {
      await failure(scene.backUp(vault, { to: small.folder }), "DISK_FULL");
      expect(readdirSync(small.folder)).toEqual([]);
    });
    await small.dispose();
  });
});

describe("--keep", () => {
  function at(clock: HandClock): EmbeddedVault {
    return scene.open({ clock });
  }

  test("leaves the newest backups of this very vault, and everything else in the folder", async () => {
    const clock = new HandClock();
    const own = at(clock);
    const { id } = await own.identity();
    const others = [
      "test-00000000-20200101T000000000Z.coffre.age", // of another vault of the same name
      `test-${id.slice(0, 8)}-20200101T000000000Z.coffre.age.bak`,
      `copy of test-${id.slice(0, 8)}-20200101T000000000Z.coffre.age`,
      `test-${id.slice(0, 8)}-latest.coffre.age`,
      "notes.txt",
    ];
    for (const name of others) writeFileSync(join(scene.to, name), "");
    mkdirSync(join(scene.to, `test-${id.slice(0, 8)}-20200102T000000000Z.coffre.age`));
    const made: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      clock.pass({ minutes: 1 });
      const report = await scene.backUp(own, { keep: 2 });
      made.push(report.file.slice(scene.to.length + 1));
      expect(report.removed).toEqual(turn < 2 ? [] : [made[turn - 2]]);
    }
    const left = readdirSync(scene.to).filter((name) => made.includes(name));
    expect(left).toEqual(made.slice(2));
    for (const name of others) expect(readdirSync(scene.to)).toContain(name);
  });

  test("removes nothing if the new backup doesn't come about", async () => {
    const clock = new HandClock();
    const own = at(clock);
    const { file } = await scene.backUp(own, { keep: 1 });
    clock.pass({ minutes: 1 });
    await furnish(own);
    scene.sql((db) => db.exec("DELETE FROM log WHERE number = 2"));
    await failure(scene.backUp(at(clock), { keep: 1 }), "CORRUPT");
    expect(readdirSync(scene.to).map((name) => join(scene.to, name))).toEqual([file]);
  });

  test("leaves what has a later time than the new one", async () => {
    const clock = new HandClock();
    clock.pass({ minutes: 60 });
    const later = await scene.backUp(at(clock));
    const early = await scene.backUp(at(new HandClock()), { keep: 1 });
    expect(readdirSync(scene.to)).toHaveLength(2);
    expect(early.removed).toEqual([]);
    expect(later.file > early.file).toBe(true);
  });

  test("takes away what a killed run left, once it is a day old", async () => {
    const { id } = await vault.identity();
    const part = (day: string) => join(scene.to, `.test-${id.slice(0, 8)}-202001${day}T000000000Z.coffre.age.part`);
    for (const day of ["01", "02"]) writeFileSync(part(day), "half");
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    utimesSync(part("01"), yesterday, yesterday);
    await scene.backUp(vault, { keep: 3 });
    expect(readdirSync(scene.to).map((name) => join(scene.to, name))).not.toContain(part("01"));
    expect(readdirSync(scene.to).map((name) => join(scene.to, name))).toContain(part("02"));
  });
});

describe("who wrote it", () => {
  /** What somebody makes who knows the recipient, has seen an older backup's content, and may write to the folder. */
  async function forge(): Promise<string> {
    const { path } = await scene.intoNew((await scene.backUp(vault)).file, { name: "forged.db" });
    const forged = scene.open({ path });
    const { orders } = await furnish(forged);
    await rotate(forged, await forged.resolveCredential(orders.id, { decision: "accept-rollback" }), "the forger's");
    return (await scene.backUp(forged)).file;
  }

  test("in place, a backup that the vault itself didn't sign is refused", async () => {
    const file = await forge();
    const before = await vault.identity();
    const error = await failure(vault.restore(scene.source(file)), "FORBIDDEN");
    expect(error.problem).toMatch(/^The backup was signed by coffre-backup-key-1:\S+, not by coffre-backup-key-1:\S+$/);
    expect(await vault.identity()).toEqual(before);
  });

  test("into a new file, --signed-by tells a forgery from the vault's own", async () => {
    const { signer, file } = await scene.backUp(vault);
    const forged = await forge();
    await failure(scene.intoNew(forged, { name: "b.db", signedBy: signer }), "FORBIDDEN");
    expect(readdirSync(scene.folder)).not.toContain("b.db");
    expect(await scene.intoNew(file, { name: "c.db", signedBy: signer })).toMatchObject({ signer });
    await failure(scene.intoNew(file, { name: "d.db", signedBy: "a key" }), "INVALID_INPUT");
  });
});
