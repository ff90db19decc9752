import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { Credential } from "../../provider/vault/port.js";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { collect, createOne, failure, hold, readValue, rotate, stage, target, withValue } from "./vault-cases/setup.js";
import { FileScene } from "./vault-scene.js";

jest.setTimeout(30_000); // for a busy machine

/** What somebody with the file, but no key, can do to it; and what of it is told when. */

let original: FileScene;
let first: Credential;
let second: Credential;
let headBefore: string;
/** Copies of single rows as they were before the last rotation: to be put back. */
let older: FileScene;

beforeAll(async () => {
  original = await FileScene.make();
  await original.with(async (vault) => {
    const category = await vault.createCategory({ name: "Databases", parentId: null, description: "servers" });
    first = await createOne(vault, { name: "first", categoryId: category.id, targets: [target("first")] });
    const admin = await createOne(vault, { name: "admin", ...withValue("admin's value") });
    second = await createOne(vault, { name: "second", targets: [target("second", { adminId: admin.id })] });
    await rotate(vault, first, "first value");
    await rotate(vault, second, "second value");
    const { people } = vault;
    const dba = await people.createPrincipal({ kind: "group", name: "DBA" });
    const ana = await people.createPrincipal({ kind: "user", name: "ana" });
    await people.createMembership({ groupId: dba.id, memberId: ana.id });
    await people.createGrant({ categoryId: category.id, principalId: dba.id, role: "reader" });
    await vault.bookLogin({ id: "b1", account: target("first").account, host: "h:1", kind: "probe" });
    headBefore = await vault.headProof();
  });
  older = original.copy();
  await original.with(async (vault) => {
    await rotate(vault, first, "newest value");
    await vault.archiveCredential((await createOne(vault, { name: "gone" })).id, {});
    const { id } = await createOne(vault, { name: "deleted" });
    await vault.deleteCredential(id, {});
  });
});

const scenes: FileScene[] = [];

function copyOf(scene: FileScene): FileScene {
  const copy = scene.copy();
  scenes.push(copy);
  return copy;
}

/** A copy on which somebody ran SQL; `older` is attached. */
function damaged(sql: string): FileScene {
  const scene = copyOf(original);
  scene.sql((db) => {
    db.exec(`ATTACH '${older.path}' AS older`);
    db.exec(sql);
  });
  return scene;
}

afterAll(() => Promise.all([original.dispose(), older.dispose()]));

afterEach(async () => {
  await Promise.all(scenes.splice(0).map((scene) => scene.dispose()));
});

/** Table and id of everything that the check finds. */
async function findings(vault: EmbeddedVault): Promise<string[]> {
  const { ok, damage } = await vault.check();
  expect(ok).toBe(damage.length === 0);
  return damage.map(({ table, id }) => `${table} ${id}`);
}

test("a vault that nobody altered has no damage", async () => {
  const vault = copyOf(original).open();
  const report = await vault.check();
  expect(report).toMatchObject({ ok: true, damage: [], events: (await vault.identity()).head });
  expect(report.rows).toBeGreaterThan(8);
});

describe("an altered row is CORRUPT with its table and id, and others stay readable:", () => {
  const flip = (column: string) =>
    `${column} = CAST(substr(${column}, 1, 20) || x'00ff' || substr(${column}, 23) AS BLOB)`;

  test.each([
    [
      "its sealed body",
      "UPDATE credential SET body = CAST(substr(body, 1, 20) || x'00ff' || substr(body, 23) AS BLOB)",
    ],
    ["its body cut", "UPDATE credential SET body = substr(body, 1, 10)"],
    ["its body's tag", "UPDATE credential SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB)"],
    ["its revision", "UPDATE credential SET revision = revision + 1"],
    ["its category", "UPDATE credential SET category_id = 'ct_elsewhere'"],
    ["its name's index", "UPDATE credential SET name_index = 'AAAAAAAAAAAAAAAAAAAAAA'"],
    ["its owner's mark", "UPDATE credential SET mark = '0123'"],
    ["its stack", "UPDATE credential SET stack = '0123'"],
    ["being archived", "UPDATE credential SET archived = 1 - archived"],
  ])("a credential by %s", async (_, sql) => {
    const scene = damaged(`${sql} WHERE id = '${first.id}'`);
    const vault = scene.open();
    const error = await failure(vault.readCredential(first.id), "CORRUPT");
    expect(error.details).toEqual({ table: "credential", id: first.id });
    await failure(vault.acquireLease(first.id, { holder: "x", ttlSeconds: 60 }), "CORRUPT");
    expect(await readValue(vault, second.id)).toBe("second value");
    expect(await findings(vault)).toContain(`credential ${first.id}`);
  });

  test.each([
    ["its sealed body", "UPDATE value SET body = CAST(x'00ff' || substr(body, 3) AS BLOB)"],
    ["its version", "UPDATE value SET version = 7"],
    ["its credential", `UPDATE value SET credential_id = 'cr_other'`],
  ])("a value by %s", async (_, sql) => {
    const scene = damaged(`${sql} WHERE id = '${second.id} password 1'`);
    const vault = scene.open();
    const [one, two] = await vault.readMany([{ id: second.id }, { id: first.id }]);
    expect(one).toMatchObject({ code: "CORRUPT", details: { table: "value", id: `${second.id} password 1` } });
    expect(two).toMatchObject({ id: first.id });
    expect(await findings(vault)).toContain(`value ${second.id} password 1`);
  });

  test("a field's value, altered, moved to another field, or taken away", async () => {
    const put = (name: string, value: string) =>
      ({ change: "put", name, type: "secret", value: new Secret(value), cause: "test" }) as const;
    const scene = copyOf(original);
    await scene.with(async (vault) => {
      await vault.updateCredential(second.id, { fields: [put("token", "a token"), put("pin", "a pin")] });
    });
    for (const sql of [
      "UPDATE value SET body = CAST(x'00ff' || substr(body, 3) AS BLOB) WHERE field LIKE 'fd_%'",
      "UPDATE value SET body = (SELECT body FROM value AS other WHERE other.id > value.id) WHERE field LIKE 'fd_%'",
      "DELETE FROM value WHERE field LIKE 'fd_%'",
    ]) {
      const altered = copyOf(scene);
      altered.sql((db) => db.exec(sql));
      const vault = altered.open();
      const [password, token] = await vault.readMany([{ id: second.id }, { id: second.id, field: "token" }]);
      expect(password).toMatchObject({ id: second.id, field: "password" });
      expect(token).toMatchObject({ code: "CORRUPT" });
      expect((await findings(vault)).join()).toMatch(new RegExp(`value ${second.id} fd_\\w{22} 1`));
    }
  });

  test("a category, by any of its columns", async () => {
    for (const sql of ["mark = '00'", "revision = 9", "parent_id = 'ct_x'", "name_index = 'x'", flip("body")]) {
      const scene = damaged(`UPDATE category SET ${sql}`);
      const vault = scene.open();
      const error = await failure(collect(vault.listCategories()), "CORRUPT");
      expect(error.details["table"]).toBe("category");
      expect(await findings(vault)).toContain(`category ${String(error.details["id"])}`);
    }
  });

  test("users, groups, memberships and grants, by any of their columns", async () => {
    const columns = {
      principal: ["name_index = id"],
      membership: ["group_id = id", "member_id = id"],
      access_grant: ["category_id = 'root'", "principal_id = id"],
    };
    for (const [table, ownColumns] of Object.entries(columns)) {
      for (const sql of ["mark = '00'", "revision = 9", flip("body"), ...ownColumns]) {
        const vault = damaged(`UPDATE ${table} SET ${sql}`).open();
        const lists = [vault.people.listPrincipals(), vault.people.listMemberships(), vault.people.listGrants()];
        const outcomes = await Promise.allSettled(lists.map((list) => collect<unknown>(list)));
        const [error, ...others] = outcomes.flatMap((one) =>
          one.status === "rejected" ? [one.reason as unknown] : [],
        );
        expect(error).toMatchObject({ code: "CORRUPT", details: { table } });
        expect(others).toEqual([]);
        expect((await findings(vault)).join()).toContain(`${table} `);
      }
    }
  });

  test("a grant that was taken out of the file", async () => {
    const removed = damaged("DELETE FROM access_grant").open();
    await failure(removed.people.readGrant("gt_any"), "CORRUPT");
    expect((await findings(removed)).join()).toContain("access_grant gt_");
  });

  test("a booking, which counts refused logins", async () => {
    const vault = damaged(`UPDATE booking SET ${flip("body")}`).open();
    const booking = { id: "b2", account: target("first").account, host: "h:1", kind: "probe" } as const;
    await failure(vault.bookLogin(booking), "CORRUPT");
    expect(await findings(vault)).toContain("booking b1");
  });

  test("who owns an account, and who is whose admin", async () => {
    const claimed = damaged(
      `UPDATE claim SET credential_id = '${second.id}' WHERE credential_id = '${first.id}'`,
    ).open();
    await failure(createOne(claimed, { name: "x", targets: [target("first")] }), "CORRUPT");
    expect(await findings(claimed)).toContain(`claim ${second.id}`);
    const admin = damaged(`UPDATE admin SET admin_id = '${first.id}'`).open();
    await failure(admin.listDependants(first.id), "CORRUPT");
    expect(await findings(admin)).toContain(`admin ${second.id}`);
  });

  test("what the vault says of itself", async () => {
    for (const sql of ["restore_counter = 7", "head_seq = 3", "head_block = 1", "head_mac = x'00'", "revision = 1"]) {
      const error = await failure(damaged(`UPDATE meta SET ${sql}`).open().identity(), "CORRUPT");
      expect(error.details["table"]).toBe("meta");
    }
    // These two are what every key is bound to: no slot fits any more, and the slots say that it isn't the key's fault.
    for (const sql of ["vault_id = 'other'", "key_number = 2"]) {
      const error = await failure(damaged(`UPDATE meta SET ${sql}`).open().identity(), "CORRUPT");
      expect(error.details["table"]).toBe("slot");
    }
    await failure(damaged("DELETE FROM meta").open().identity(), "CORRUPT");
  });

  test("a key slot, though the key is right", async () => {
    for (const sql of ["wrapped = 'AAAA' || substr(wrapped, 5)", "salt = 'AAAAAAAAAAAAAAAAAAAAAA'", "kdf = 'none'"]) {
      const error = await failure(damaged(`UPDATE slot SET ${sql}`).open().identity(), "CORRUPT");
      expect(error.details["table"]).toBe("slot");
    }
    const vault = damaged(`UPDATE slot SET ${flip("body")}`).open(); // the label
    await failure(vault.listSlots(), "CORRUPT");
    expect((await findings(vault)).join()).toContain("slot ");
  });
});

describe("rows that are whole, but in the wrong place or of the wrong time:", () => {
  test("two values that were swapped are both CORRUPT", async () => {
    const swapped = (id: string, other: string) =>
      `UPDATE value SET body = (SELECT body FROM kept WHERE id = '${other} password 1') WHERE id = '${id} password 1';`;
    const keep = "CREATE TEMP TABLE kept AS SELECT * FROM value;";
    const vault = damaged(keep + swapped(first.id, second.id) + swapped(second.id, first.id)).open();
    const answers = await vault.readMany([first, second].map(({ id }) => ({ id, version: 1 })));
    for (const answer of answers) expect(answer).toMatchObject({ code: "CORRUPT" });
  });

  test("an earlier version can't be passed off as the current one", async () => {
    const vault = damaged(
      `UPDATE value SET body = (SELECT body FROM value WHERE id = '${first.id} password 1')
       WHERE id = '${first.id} password 2'`,
    ).open();
    const [answer] = await vault.readMany([{ id: first.id }]);
    expect(answer).toMatchObject({ code: "CORRUPT" });
  });

  test("one column of an older state doesn't fit the others", async () => {
    for (const column of ["body", "revision"]) {
      const from = `(SELECT ${column} FROM older.credential WHERE id = '${first.id}')`;
      const vault = damaged(`UPDATE credential SET ${column} = ${from} WHERE id = '${first.id}'`).open();
      await failure(vault.readCredential(first.id), "CORRUPT");
    }
  });

  test("a whole row of an older state is found by the check, and no version is written a second time", async () => {
    const scene = damaged(`INSERT OR REPLACE INTO credential SELECT * FROM older.credential WHERE id = '${first.id}'`);
    const vault = scene.open();
    expect(await findings(vault)).toEqual(expect.arrayContaining([`credential ${first.id}`]));
    const error = await failure(hold(vault, first.id, [stage("another", target("first").account)]), "CORRUPT");
    expect(error.details).toEqual({ table: "credential", id: first.id });
  });

  test("a row that was deleted and put back is found by the check", async () => {
    const scene = copyOf(original);
    const deleted = await scene.with(async (vault) => {
      const made = await createOne(vault, { name: "short-lived", ...withValue("v") });
      return made.id;
    });
    const kept = copyOf(scene);
    await scene.with((vault) => vault.deleteCredential(deleted, {}));
    scene.sql((db) => {
      db.exec(`ATTACH '${kept.path}' AS kept`);
      db.exec(`INSERT INTO credential SELECT * FROM kept.credential WHERE id = '${deleted}'`);
    });
    expect(await findings(scene.open())).toContain(`credential ${deleted}`);
  });
});

describe("what was removed:", () => {
  test("a credential isn't called gone: only what was deleted is", async () => {
    const vault = damaged(`DELETE FROM credential WHERE id = '${first.id}'`).open();
    const error = await failure(vault.readCredential(first.id), "CORRUPT");
    expect(error.details).toEqual({ table: "credential", id: first.id });
    const [one, two] = await vault.readMany([{ id: first.id }, { id: second.id }]);
    expect([one, two]).toMatchObject([{ code: "CORRUPT" }, { id: second.id }]);
    await failure(vault.archiveCredential(first.id, {}), "CORRUPT");
    expect(await findings(vault)).toContain(`credential ${first.id}`);
  });

  test("a credential that its index hides isn't called gone either", async () => {
    // An index that has lost its row, by way of a table without one.
    const scene = copyOf(original);
    scene.sql((db) => {
      db.exec("PRAGMA writable_schema = ON");
      const sql = "sql, rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_credential_1'";
      const before = db.prepare(`SELECT ${sql}`).get();
      expect(before).toBeDefined();
      const other = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_booking_1'").get();
      db.prepare("UPDATE sqlite_schema SET rootpage = ? WHERE name = 'sqlite_autoindex_credential_1'").run(
        Number(other?.["rootpage"]),
      );
    });
    const vault = scene.open();
    const error = await failure(vault.readCredential(first.id), "CORRUPT");
    expect(error.message).toContain("index");
    expect(await findings(vault)).not.toEqual([]);
  });

  test("a category isn't called gone", async () => {
    const vault = damaged("DELETE FROM category").open();
    await failure(vault.readCategory(first.categoryId ?? ""), "CORRUPT");
    await failure(vault.readCredential(first.id), "CORRUPT");
    expect(await findings(vault)).toContain(`category ${first.categoryId}`);
  });

  test("a value is CORRUPT", async () => {
    const vault = damaged(`DELETE FROM value WHERE id = '${first.id} password 2'`).open();
    const [answer] = await vault.readMany([{ id: first.id }]);
    expect(answer).toMatchObject({ code: "CORRUPT" });
    expect(await findings(vault)).toContain(`value ${first.id} password 2`);
  });

  test("a claim, a booking and a key slot are found by the check", async () => {
    expect(await findings(damaged("DELETE FROM claim").open())).toContain(`claim ${first.id}`);
    expect(await findings(damaged("DELETE FROM booking").open())).toEqual(["booking b1"]);
    const scene = copyOf(original);
    const slot = await scene.with((vault) => vault.addSlot({ label: "other", key: { keyText: original.keyText } }));
    scene.sql((db) => db.exec(`DELETE FROM slot WHERE id = '${slot.id}'`));
    expect(await findings(scene.open())).toEqual([`slot ${slot.id}`]);
  });

  test("events cut from the log's end, or from its middle", async () => {
    const cut = damaged("DELETE FROM log WHERE number > (SELECT max(number) - 3 FROM log)").open();
    await failure(collect(cut.listEvents()), "CORRUPT");
    expect((await findings(cut)).join()).toMatch(/^log \d+$/);
    const hole = damaged("DELETE FROM log WHERE number = 4").open();
    await failure(collect(hole.listEvents()), "CORRUPT");
    expect(await findings(hole)).toContain("log 5");
    const altered = damaged("UPDATE log SET body = (SELECT body FROM log WHERE number = 4) WHERE number = 5").open();
    await failure(collect(altered.listEvents()), "CORRUPT");
    expect(await findings(altered)).toContain("log 5");
    const unchained = damaged("UPDATE log SET mac = (SELECT mac FROM log WHERE number = 4) WHERE number = 5").open();
    expect(await findings(unchained)).toContain("log 5");
  });

  test("a trigger that somebody added is not run", async () => {
    const vault = damaged("CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM value; END").open();
    const error = await failure(readValue(vault, first.id), "CORRUPT");
    expect(error.details["table"]).toBe("sqlite_schema");
  });
});

describe("an older copy of the whole file", () => {
  test("is whole by itself, and shown by a head that was noted earlier", async () => {
    const newest = await copyOf(original).open().headProof();
    const now = copyOf(original).open();
    expect(await now.check({ head: headBefore })).toMatchObject({ ok: true, headFound: true });
    expect(await now.check({ head: newest })).toMatchObject({ ok: true, headFound: true });
    const copy = copyOf(older).open();
    expect(await copy.check()).toMatchObject({ ok: true });
    expect(await copy.check({ head: newest })).toMatchObject({ ok: false, headFound: false });
    await failure(copy.check({ head: "12" }), "INVALID_INPUT");
    expect((await copy.identity()).head).toBeLessThan((await now.identity()).head);
  });

  test("that has come further by itself doesn't know what the newer one saw, though somebody writes it into its place", async () => {
    const { head: seq, headProof } = await copyOf(original).open().identity();
    const scene = copyOf(older);
    await scene.with(async (vault) => {
      while ((await vault.identity()).head < seq + 3) await readValue(vault, first.id);
      expect(await vault.hasHeads([headProof, headBefore])).toEqual([false, true]);
    });
    scene.sql((db) => {
      db.exec(`ATTACH '${original.path}' AS newer`);
      db.exec(
        `UPDATE log SET mac = (SELECT mac FROM newer.log WHERE last_seq = ${seq} LIMIT 1) WHERE last_seq = ${seq}`,
      );
    });
    expect(await scene.open().hasHeads([headProof])).toEqual([false]);
  });
});
