import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import type { BackupOptions, BackupReport, EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { throwAwayIdentity } from "../../provider/vault/embedded/backup/age.js";
import { type RestoreReport, restoreNew } from "../../provider/vault/embedded/backup/restore.js";
import type { Credential, Vault } from "../../provider/vault/port.js";
import { filesFolder } from "../../provider/vault/embedded/sealed-files.js";
import { box, deposit } from "./vault-cases/boxes.js";
import { collect, createOne, rotate, target, withValue } from "./vault-cases/setup.js";
import { FileScene } from "./vault-scene.js";

interface IntoNew {
  name?: string;
  identities?: Secret[];
  signedBy?: string;
}

/** A vault's file, a folder for its backups, and the identity that opens them. */
export class BackupScene extends FileScene {
  readonly to = mkdtempSync(join(tmpdir(), "coffre-backups-"));
  identity = new Secret("");
  recipient = "";

  static override async make({ name = "test" }: { name?: string } = {}): Promise<BackupScene> {
    const scene = new BackupScene();
    await createEmbeddedVault({ ...scene.options(), name });
    const { identity, recipient } = await throwAwayIdentity();
    scene.identity = identity;
    scene.recipient = recipient;
    return scene;
  }

  backUp(vault: EmbeddedVault, options: Partial<BackupOptions> = {}): Promise<BackupReport> {
    return vault.backup({ to: this.to, recipients: [this.recipient], ...options });
  }

  source(file: string, identities = [this.identity]): { file: string; identities: Secret[] } {
    return { file, identities };
  }

  /** Restores into a new file beside the vault, opened by the same key. */
  async intoNew(
    file: string,
    { name = "restored.db", identities = [this.identity], signedBy }: IntoNew = {},
  ): Promise<RestoreReport & { path: string }> {
    const path = join(this.folder, name);
    const { actor, clock, key } = this.options();
    const options = { file, identities, actor, clock, ...(signedBy === undefined ? {} : { signedBy }) };
    const report = await restoreNew(options, { path, key, label: "restored" });
    // As the manual says: what people deposited is copied beside.
    if (existsSync(filesFolder(this.path))) cpSync(filesFolder(this.path), filesFolder(path), { recursive: true });
    return { ...report, path };
  }

  override async dispose(): Promise<void> {
    rmSync(this.to, { recursive: true, force: true });
    await super.dispose();
  }
}

/** Something of everything that a vault keeps. */
export async function furnish(vault: EmbeddedVault): Promise<{ orders: Credential; admin: Credential }> {
  const top = await vault.createCategory({ name: "Production", parentId: null, policy: { minLength: 20 } });
  const below = await vault.createCategory({ name: "Databases", parentId: top.id, description: "of the shop" });
  const admin = await createOne(vault, { name: "admin", categoryId: below.id, ...withValue("admin's välue") });
  const owner = { key: "shop/prod/Credential/orders", stack: "acme/shop/prod", token: "token-of-orders" };
  const orders = await createOne(vault, {
    name: "orders",
    categoryId: below.id,
    targets: [target("orders", { adminId: admin.id })],
    owner,
    fields: [
      { change: "put", name: "token", type: "secret", value: new Secret("a token"), cause: "command:test" },
      { change: "put", name: "contact", type: "text", value: new Secret("ana@example.com"), cause: "command:test" },
      { change: "declare", name: "later", type: "file" },
    ],
  });
  await rotate(vault, orders, "orders, first value");
  await rotate(vault, orders, "orders, second value");
  const old = await createOne(vault, { name: "old", ...withValue("archived value") });
  await vault.archiveCredential(old.id, {});
  const { account } = target("orders");
  await vault.bookLogin({ id: "lost", account, host: "db.example.com:5432", kind: "probe" });
  const ana = await vault.people.createPrincipal({ kind: "user", name: "ana" });
  const dba = await vault.people.createPrincipal({ kind: "group", name: "DBA" });
  await vault.people.createMembership({ groupId: dba.id, memberId: ana.id });
  await vault.people.createGrant({ principalId: dba.id, categoryId: below.id, role: "manager" });
  await deposit(vault, await box(vault), { "statement.txt": "what a partner deposited" });
  await vault.outbox.add([{ to: "ana@example.com", template: "hello", parameters: {} }]);
  return { orders: await vault.readCredential(orders.id), admin };
}

/** Everything that the port tells, for a comparison. */
export async function tell(vault: Vault): Promise<Record<string, unknown>> {
  const [categories, live, archived] = await Promise.all([
    collect(vault.listCategories()),
    collect(vault.listCredentials()),
    collect(vault.listCredentials({ archived: true })),
  ]);
  const credentials = [...live, ...archived];
  const wanted = credentials.flatMap(({ id, versions, fields }) => [
    ...versions.map(({ number }) => ({ id, version: number })),
    ...fields.flatMap((field) => field.versions.map(({ number }) => ({ id, field: field.name, version: number }))),
  ]);
  const answers = await vault.readMany(wanted);
  const values = answers.map((answer) => (answer instanceof Error ? String(answer) : answer.value.reveal()));
  const people = {
    principals: await collect(vault.people.listPrincipals()),
    memberships: await collect(vault.people.listMemberships()),
    grants: await collect(vault.people.listGrants()),
  };
  // Functions can't be compared; what they answer is looked at where it matters.
  return JSON.parse(JSON.stringify({ categories, credentials, values, people })) as Record<string, unknown>;
}
