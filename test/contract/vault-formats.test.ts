import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { decryptFile, throwAwayIdentity } from "../../provider/vault/embedded/backup/age.js";
import { restoreNew } from "../../provider/vault/embedded/backup/restore.js";
import { type EmbeddedVault, openEmbeddedVault, type VaultKey } from "../../provider/vault/embedded/embedded-vault.js";
import { FORMAT_1_FILE, FORMAT_1_KEY, FORMAT_1_PASSPHRASE } from "../fixtures/make-vault-format-1.js";
import { collect, createOne, failure, rotate, target, withValue } from "./vault-cases/setup.js";

/** Files of earlier formats, as their releases wrote them: each opens for ever. */

jest.setTimeout(30_000); // argon2id is slow on purpose, and the machine may be busy

let folder: string;
const opened: EmbeddedVault[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coffre-formats-"));
  writeFileSync(join(folder, "coffre.db"), gunzipSync(readFileSync(FORMAT_1_FILE)));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
  rmSync(folder, { recursive: true });
});

function open(key: VaultKey = { keyText: new Secret(FORMAT_1_KEY) }): EmbeddedVault {
  const vault = openEmbeddedVault({ path: join(folder, "coffre.db"), key, actor: "test", clock: systemClock });
  opened.push(vault);
  return vault;
}

test("format 1 opens with its key and its passphrase, and nothing in it was damaged by time", async () => {
  const byPassphrase = open({ passphrase: new Secret(FORMAT_1_PASSPHRASE) });
  expect((await byPassphrase.identity()).name).toBe("format-1");
  const vault = open();
  expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
  expect((await vault.listSlots()).map(({ label, kind }) => `${label}: ${kind}`)).toEqual([
    "key file: key-file",
    "passphrase: passphrase",
  ]);
});

test("format 1 is read whole: tree, policies, credentials, versions, values, owner, events", async () => {
  const vault = open();
  const categories = await collect(vault.listCategories());
  expect(categories.map(({ path, policies }) => [path.join("/"), policies])).toEqual([
    ["Production", [{ policy: { minLength: 20 }, from: "Production" }]],
    ["Production/Databases", [{ policy: { minLength: 20 }, from: "Production" }]],
  ]);
  const orders = await vault.findCredential(["Production", "Databases", "orders"]);
  const admin = await vault.findCredential(["Production", "Databases", "admin"]);
  expect(orders).toMatchObject({
    username: "orders_app",
    tags: ["shop"],
    status: "rotating",
    createdAt: "2025-11-22T00:00:06.000Z",
    targets: [{ ...target("orders_app"), adminId: admin?.id }],
    journal: { fencing: 3, lease: { holder: "runner/2" }, pending: { version: 3 } },
  });
  expect(await orders?.hasToken("token-of-orders")).toBe(true);
  expect(await vault.findOwned("credential", "shop/prod/Credential/orders")).toBe(orders?.id);
  const id = orders?.id ?? "";
  const answers = await vault.readMany([
    { id },
    { id, version: "previous" },
    { id, version: "pending" },
    { id: admin?.id ?? "" },
    { id: admin?.id ?? "", field: "contact" },
    { id: admin?.id ?? "", field: "tls.key" },
    { id: admin?.id ?? "", field: "tls.key", version: 1 },
  ]);
  expect(answers.map((answer) => (answer instanceof Error ? answer : answer.value.reveal()))).toEqual([
    "orders, second value",
    "orders, first value",
    "orders, pending value",
    "admin's välue",
    "ana@example.com",
    Buffer.from("a key, second").toString("base64"),
    Buffer.from("a key, first").toString("base64"),
  ]);
  expect(admin?.fields).toMatchObject([
    { name: "contact", type: "text", text: "ana@example.com" },
    { name: "tls.key", type: "file", versions: [{ state: "previous" }, { state: "current" }] },
  ]);
  expect((await collect(vault.listCredentials({ archived: true }))).map(({ path }) => path)).toEqual([["old"]]);
  const [group, user] = await collect(vault.people.listPrincipals());
  expect(group).toMatchObject({ kind: "group", name: "DBA", displayName: "Database admins" });
  expect(user).toMatchObject({ name: "ana", email: "ana@example.com", expiresAt: "2125-01-01T00:00:00.000Z" });
  expect(await collect(vault.people.listMemberships())).toMatchObject([{ groupId: group?.id, memberId: user?.id }]);
  expect(await collect(vault.people.listGrants())).toMatchObject([
    { categoryId: categories[1]?.id, principalId: group?.id, role: "manager", owned: true },
    { categoryId: null, principalId: user?.id, role: "reader", expiresAt: "2125-01-01T00:00:00.000Z" },
  ]);
  expect(categories.map(({ inheritGrants }) => inheritGrants)).toEqual([true, false]);
  const events = await collect(vault.listEvents());
  expect(events[0]).toMatchObject({ action: "vault.created", actor: "ana@format-1 (test)" });
  expect(events.filter(({ action }) => action === "rotation.promoted")).toHaveLength(2);
});

test("format 1 can be written: names and accounts that it holds are still taken", async () => {
  const vault = open();
  await failure(createOne(vault, { name: "x", targets: [target("orders_app")] }), "CONFLICT");
  await failure(vault.createCategory({ name: "Production", parentId: null }), "CONFLICT");
  const made = await createOne(vault, { name: "new", targets: [target("new")], ...withValue("first") });
  await rotate(vault, made, "second");
  expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
});

describe("format 1 becomes format 2", () => {
  const mail = { to: "ana@example.com", template: "code", parameters: {} };

  test("only with what format 1 has no room for: reading, checking and writing leave it as it is", async () => {
    const vault = open();
    await createOne(vault, { name: "new", ...withValue("first") });
    expect(await collect(vault.outbox.list())).toEqual([]);
    expect(await vault.outbox.take()).toEqual([]);
    await vault.rekey({ drop: ["passphrase"] });
    await vault.outbox.settle([{ id: "ml_gone", outcome: "sent" }]);
    await failure(vault.outbox.add([mail, { ...mail, to: "nobody" }]), "INVALID_INPUT");
    await vault.close();
    expect(formatOf()).toEqual({ header: 1, meta: 1, tables: 0 });
  });

  test("in the same write, with an event; everything that was there still opens, and so it does after a re-key", async () => {
    const vault = open();
    const other = open();
    const before = await collect(other.listCredentials());
    const [booked] = await vault.outbox.add([mail]);
    expect(formatOf()).toEqual({ header: 2, meta: 2, tables: 1 });
    expect((await collect(vault.listEvents())).at(-1)).toMatchObject({ action: "vault.upgraded", detail: "format 2" });
    // A process that had it open as format 1 goes on.
    expect(await collect(other.outbox.list())).toEqual([booked]);
    expect((await collect(other.listCredentials())).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    await other.outbox.add([mail]);
    for (const each of [vault, other]) expect(await each.check()).toMatchObject({ ok: true, damage: [] });
    await vault.rekey();
    expect(await collect(vault.outbox.list())).toHaveLength(2);
    await vault.close();
    expect(await open().check()).toMatchObject({ ok: true, damage: [] });
  });

  test("or not at all: a write that fails leaves the file as it was", async () => {
    const vault = open();
    const before = await vault.identity();
    const circular: unknown[] = [];
    circular.push(circular);
    await expect(vault.outbox.add([{ ...mail, parameters: { circular: circular as [] } }])).rejects.toThrow(TypeError);
    expect(await vault.identity()).toEqual(before);
    expect(await collect(vault.outbox.list())).toEqual([]);
    await vault.close();
    expect(formatOf()).toEqual({ header: 1, meta: 1, tables: 0 });
  });

  test("a header that says another format than the tables are of is damage", async () => {
    const db = new DatabaseSync(join(folder, "coffre.db"));
    db.exec("PRAGMA user_version = 2");
    db.close();
    await failure(open().identity(), "CORRUPT");
  });

  test("a backup of it is one that the first release takes; it is restored in either format", async () => {
    const { identity, recipient } = await throwAwayIdentity();
    const vault = open();
    const backUp = () => vault.backup({ to: join(folder, "to"), recipients: [recipient] });
    const first = await backUp();
    expect(Object.keys(first.rows)).not.toContain("mail");
    const lines = await decrypted(first.file, identity);
    expect(lines[0]).toMatch(/^\{"coffreBackup":1,/);
    await vault.restore({ file: first.file, identities: [identity] });
    expect(formatOf()).toEqual({ header: 1, meta: 1, tables: 0 });

    const [booked] = await vault.outbox.add([mail]);
    const second = await backUp();
    expect(second.rows["mail"]).toBe(1);
    expect((await decrypted(second.file, identity))[0]).toMatch(/^\{"coffreBackup":2,/);
    // In place, what was sent is known here only: the outbox stays.
    await vault.outbox.settle([{ id: booked?.id ?? "", outcome: "sent" }]);
    await vault.restore({ file: second.file, identities: [identity] });
    expect(await collect(vault.outbox.list())).toEqual([]);
    await vault.restore({ file: first.file, identities: [identity] });
    expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
    expect(await vault.drill({ file: second.file, identities: [identity] })).toMatchObject({ ok: true });

    // Into a new file, nobody knows what was sent since.
    const path = join(folder, "new.db");
    const key = { keyText: new Secret(FORMAT_1_KEY) };
    const options = { file: second.file, identities: [identity], actor: "test", clock: systemClock };
    await restoreNew(options, { path, key, label: "new" });
    const restored = openEmbeddedVault({ path, key, actor: "test", clock: systemClock });
    opened.push(restored);
    expect(await collect(restored.outbox.list())).toMatchObject([{ id: booked?.id, state: "failed" }]);
    expect(await restored.outbox.take()).toEqual([]);
    expect(await restored.check()).toMatchObject({ ok: true, damage: [] });
  });

  function formatOf(): Record<string, unknown> {
    const db = new DatabaseSync(join(folder, "coffre.db"), { readOnly: true });
    try {
      return {
        header: db.prepare("PRAGMA user_version").get()?.["user_version"],
        meta: db.prepare("SELECT format FROM meta").get()?.["format"],
        tables: db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table' AND name = 'mail'").get()?.[
          "n"
        ],
      };
    } finally {
      db.close();
    }
  }
});

async function decrypted(file: string, identity: Secret): Promise<string[]> {
  let text = "";
  for await (const bytes of decryptFile(file, [identity])) text += Buffer.from(bytes).toString("utf8");
  return text.split("\n");
}
