import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
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
