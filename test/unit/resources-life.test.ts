import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { type Kept, ResourceScene, withIdentity } from "../fixtures/resource-scene.ts";
import { killedAtStep } from "../fixtures/rotation-scene.ts";

let scene: ResourceScene;
beforeEach(() => {
  scene = new ResourceScene();
});
afterEach(() => scene.close());

const orders = async (more: Record<string, unknown> = {}) => ({
  name: "orders",
  username: "orders",
  targets: [await scene.declaredTarget()],
  ...more,
});

describe("a create that was interrupted", () => {
  test("goes on with the version that it left, and draws nothing", async () => {
    const inputs = await orders();
    const rotation = scene.context({ around: killedAtStep("set-started", "after") });
    const lost = await scene.up(inputs, undefined, { rotation });
    const made = await scene.up(inputs); // the engine died too: the state knows nothing
    expect(made.id).toBe(lost.id);
    expect(made.outputs).toMatchObject({ status: "done", currentVersion: 1 });
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(made.id));
  });

  test("but finished is returned as it is, with a token of its own", async () => {
    const inputs = await orders();
    const lost = await scene.up(inputs);
    const made = await scene.up(inputs);
    expect(made.id).toBe(lost.id);
    expect(await scene.versions(made.id)).toBe("1 current");
    expect(scene.target.count("set")).toBe(1);
    await expect(scene.destroy(lost)).rejects.toThrow("belongs to another stack now");
    await scene.destroy(made);
  });

  test("of what was declared otherwise is a conflict that names adopt and aliases", async () => {
    await scene.up(await orders());
    const other = await orders({ targets: [await scene.declaredTarget({ host: "db2" })] });
    await expect(scene.up(other)).rejects.toThrow(/CONFLICT[\s\S]*aliases[\s\S]*adopt: "cr_/);
  });

  test("of an entry that the command line rotated since is returned with that version", async () => {
    const inputs = await orders();
    const lost = await scene.up(inputs);
    await scene.rotate(lost.id, "command:1");
    const made = await scene.up(inputs);
    expect(made.outputs).toMatchObject({ currentVersion: 2 });
    expect(await scene.versions(made.id)).toBe("1 previous, 2 current");
  });
});

describe("a name that somebody else has", () => {
  test("is a conflict that names adopt and aliases", async () => {
    const { id } = await scene.add({ name: "smtp" });
    await expect(scene.up({ name: "smtp" })).rejects.toThrow(
      new RegExp(`CONFLICT: There is a credential "smtp"[\\s\\S]*aliases[\\s\\S]*adopt: "${id}"`),
    );
  });

  test("can be adopted: without a target the value stays", async () => {
    const made = await scene.up({ name: "smtp" });
    const value = await scene.value(made.id);
    const adopted = await scene.up({ name: "smtp", adopt: true, ownerKey: "shop/prod/Credential/smtp" });
    expect(adopted.id).toBe(made.id);
    expect(await scene.value(made.id)).toBe(value);
    const changes = { name: "smtp", ownerKey: "shop/prod/Credential/smtp" };
    expect(await scene.changes(changes, adopted)).toBe(false); // `adopt` may be removed from the program
    await expect(scene.up({ name: "smtp", tags: ["x"] }, made)).rejects.toThrow("belongs to another stack now");
  });

  test("can be adopted with a target: a new version is set there", async () => {
    const { id } = await scene.add({ name: "orders", username: "orders" });
    const adopted = await scene.up(await orders({ adopt: id }));
    expect(adopted.id).toBe(id);
    expect(adopted.outputs).toMatchObject({ status: "done", currentVersion: 1 });
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
  });

  test("is not found where there is nothing to adopt", async () => {
    await expect(scene.up({ name: "smtp", adopt: true })).rejects.toThrow(
      /NOT_FOUND: There is no credential "smtp" to adopt/,
    );
  });
});

describe("destroy", () => {
  test("ends the account, archives the entry and frees its name; a second one is a success", async () => {
    const made = await scene.up(await orders());
    await scene.destroy(made);
    await scene.destroy(made);
    expect(scene.target.passwordOf("orders@db1:1")).toBeUndefined();
    expect((await scene.vault.readCredential(made.id)).archivedAt).toBeDefined();
    expect(scene.notes.join()).toContain("was disabled");
  });

  test("of an account that can't be reached archives nothing and says what to do", async () => {
    const made = await scene.up(await orders());
    scene.target.next("connect", () => {
      throw new CoffreError("UNREACHABLE", "db1:1 doesn't answer");
    });
    await expect(scene.destroy(made)).rejects.toThrow(
      /orders was kept[\s\S]*onDelete: "keep"[\s\S]*pulumi state delete/,
    );
    expect((await scene.vault.readCredential(made.id)).archivedAt).toBeUndefined();
  });

  test("with onDelete delete leaves nothing, except an admin of others, which is archived", async () => {
    const made = await scene.up({ name: "smtp", onDelete: "delete" });
    await scene.destroy(made);
    await expect(scene.vault.readCredential(made.id)).rejects.toThrow("NOT_FOUND");
    const admin = await scene.up({ name: "chief", username: "chief", onDelete: "delete" });
    scene.target.give("chief@db1:1", await scene.value(admin.id));
    const adminRef = `coffre://scene/id/${admin.id}`;
    await scene.up(await orders({ targets: [await scene.declaredTarget({ adminRef })] }));
    await scene.destroy(admin);
    expect((await scene.vault.readCredential(admin.id)).archivedAt).toBeDefined();
    expect(scene.notes.join()).toContain("archived and not deleted: it is the admin of others");
  });

  test("with a state that never owned the entry touches nothing", async () => {
    const made = await scene.up({ name: "smtp" });
    const { ownerToken: _token, ...outputs } = made.outputs;
    await expect(scene.destroy({ id: made.id, outputs })).rejects.toThrow("CONFLICT");
  });

  test("and up again makes a new entry; the archived one comes back by adopt only, with a version that is set", async () => {
    const inputs = await orders();
    const first = await scene.up(inputs);
    await scene.destroy(first);
    const second = await scene.up(inputs);
    expect(second.id).not.toBe(first.id);
    await scene.destroy(second);
    const back = await scene.up({ ...inputs, adopt: first.id });
    expect(back.id).toBe(first.id);
    expect(back.outputs).toMatchObject({ status: "done", currentVersion: 2 });
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(first.id));
  });

  test("an adoption that was interrupted is begun again, and rotates once", async () => {
    const inputs = await orders();
    const first = await scene.up(inputs);
    await scene.destroy(first);
    for (const step of ["stage", "promote"] as const) {
      const rotation = scene.context({ around: killedAtStep(step, "before") });
      await scene.up({ ...inputs, adopt: first.id }, undefined, { rotation }).catch(() => undefined);
    }
    const back = await scene.up({ ...inputs, adopt: first.id });
    expect(back.outputs).toMatchObject({ status: "done", currentVersion: 2 });
    expect(await scene.versions(first.id)).toBe("1 previous, 2 current");
  });
});

describe("a resource that was renamed in the program", () => {
  test("keeps its entry by an alias: the mark follows, and nothing rotates", async () => {
    const made = await scene.up({ name: "smtp" });
    const ownerKey = "shop/dev/Credential/relay";
    expect(await scene.changes({ name: "smtp", ownerKey }, made)).toBe(true);
    const renamed = await scene.up({ name: "smtp", ownerKey }, made);
    expect(renamed.outputs).toMatchObject({ currentVersion: 1, ownerKey });
    expect(await scene.vault.findOwned("credential", ownerKey)).toBe(made.id);
    expect(await scene.changes({ name: "smtp", ownerKey }, renamed)).toBe(false);
  });

  test("and a stack too: its entries are found under the new name", async () => {
    const made = await scene.up({ name: "smtp" });
    const stack = "organization/shop/production";
    const ownerKey = "shop/production/Credential/smtp";
    const renamed = await scene.up({ name: "smtp", ownerKey }, made, { stack });
    expect(await scene.changes({ name: "smtp", ownerKey }, renamed, { stack })).toBe(false);
  });
});

describe("another vault, or an older one", () => {
  const otherVault = () =>
    scene.resources({ rotation: { ...scene.context(), vault: withIdentity(scene.vault, { id: "other" }) } });
  const upAt = (identity: Parameters<typeof withIdentity>[1], kept: Kept) =>
    scene.up({ name: "smtp" }, kept, { rotation: { ...scene.context(), vault: withIdentity(scene.vault, identity) } });

  test("another vault at the URL is refused, never read as gone", async () => {
    const made = await scene.up({ name: "smtp" });
    await expect(upAt({ id: "other" }, made)).rejects.toThrow("WRONG_VAULT");
    const { readCredential, deleteCredential } = await import("../../provider/resources/credential/handlers.js");
    await expect(readCredential(otherVault(), made.id, made.outputs)).rejects.toThrow("WRONG_VAULT");
    await expect(deleteCredential(otherVault(), made.id, made.outputs)).rejects.toThrow("WRONG_VAULT");
  });

  test("a restored vault is refused until a person has decided, and then brought into the state", async () => {
    const made = await scene.up({ name: "smtp" });
    await expect(upAt({ restoreCounter: 1 }, made)).rejects.toThrow(
      /ROLLED_BACK[\s\S]*coffre verify[\s\S]*coffre resolve \S+ --accept-rollback/,
    );
    await scene.vault.resolveCredential(made.id, { decision: "accept-rollback" });
    const accepted = await upAt({ restoreCounter: 1 }, made);
    expect(accepted.outputs["vaultStamp"]).not.toBe(made.outputs["vaultStamp"]);
    await expect(upAt({ restoreCounter: 2 }, accepted)).rejects.toThrow("ROLLED_BACK");
  });

  test("an older copy is found by its head, and by a version that it lacks", async () => {
    const made = await scene.up({ name: "smtp" });
    await expect(upAt({ head: 0 }, made)).rejects.toThrow("ROLLED_BACK");
    const ahead = { id: made.id, outputs: { ...made.outputs, currentVersion: 2 } };
    await expect(scene.changes({ name: "smtp" }, ahead)).rejects.toThrow(/ROLLED_BACK[\s\S]*lacks version 2 of smtp/);
  });

  test("an older copy that has come further by itself has another past than the state has seen", async () => {
    const outgrown = new Proxy(scene.vault, {
      get(target, property) {
        if (property === "hasHeads") return async (proofs: string[]) => proofs.map(() => false);
        const value: unknown = Reflect.get(target, property);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const older = { rotation: { ...scene.context(), vault: outgrown } };
    const made = await scene.up({ name: "smtp" });
    await scene.add({ name: "later" });
    await expect(scene.changes({ name: "smtp" }, made, older)).rejects.toThrow("ROLLED_BACK");
    expect(await scene.changes({ name: "smtp" }, made)).toBe(false);
    const early = {
      ...made,
      outputs: { ...made.outputs, vaultStamp: String(made.outputs["vaultStamp"]).replace(/[^:]*$/, "") },
    };
    expect(await scene.changes({ name: "smtp" }, early, older)).toBe(false);

    await scene.vault.resolveCredential(made.id, { decision: "accept-rollback" });
    expect(await scene.changes({ name: "smtp" }, made, older)).toBe(true);
  });

  test("what an older copy lacks is lost, and not gone", async () => {
    const made = await scene.up({ name: "smtp" });
    await scene.vault.deleteCredential(made.id, {});
    const older = { rotation: { ...scene.context(), vault: withIdentity(scene.vault, { head: 0 }) } };
    const { readCredential, deleteCredential } = await import("../../provider/resources/credential/handlers.js");
    const lost = /ROLLED_BACK[\s\S]*lacks smtp[\s\S]*pulumi state delete/;
    await expect(readCredential(scene.resources(older), made.id, made.outputs)).rejects.toThrow(lost);
    await expect(deleteCredential(scene.resources(older), made.id, made.outputs)).rejects.toThrow(lost);
    await expect(scene.changes({ name: "smtp" }, made, older)).rejects.toThrow(lost);
  });

  test("a state that is older than the vault is brought up to date", async () => {
    const made = await scene.up({ name: "smtp" });
    await scene.rotate(made.id, "command:1");
    await scene.rotate(made.id, "command:2");
    const now = await scene.up({ name: "smtp" }, made);
    expect(now.outputs).toMatchObject({ currentVersion: 3 });
  });

  test("a stamp that can't be read is refused", async () => {
    const made = await scene.up({ name: "smtp" });
    const outputs = { ...made.outputs, vaultStamp: "nonsense" };
    await expect(scene.changes({ name: "smtp" }, { id: made.id, outputs })).rejects.toThrow("vaultStamp can't be read");
  });
});

describe("a password that somebody changed on the target", () => {
  const account = "orders@db1:1";

  async function refreshed(
    verifyOnRefresh: boolean,
  ): Promise<{ made: Kept; seen: Kept; inputs: Record<string, unknown> }> {
    const inputs = await orders();
    const made = await scene.up(inputs);
    scene.target.give(account, "somebody's own");
    const seen = await scene.refresh(made, { verifyOnRefresh });
    return { made, seen: seen ?? made, inputs };
  }

  test("is looked for by a refresh only where that is asked for", async () => {
    const { made, seen, inputs } = await refreshed(false);
    expect(seen.outputs).toEqual(made.outputs);
    expect(await scene.changes(inputs, seen)).toBe(false);
    expect(scene.target.refusedLogins.size).toBe(0);
  });

  test("is found by a refresh, shown by a preview and mended by the up", async () => {
    const { seen, inputs } = await refreshed(true);
    expect(seen.outputs).toMatchObject({ status: "unfinished", currentVersion: 1 });
    expect(scene.notes.join("\n")).toContain(`fake://${account}: differs`);
    expect(await scene.changes(inputs, seen)).toBe(true);
    const mended = await scene.up(inputs, seen);
    expect(mended.outputs).toMatchObject({ status: "done", currentVersion: 1 });
    expect(scene.target.passwordOf(account)).toBe(await scene.value(mended.id));
    expect(await scene.changes(inputs, mended)).toBe(false);
    expect(scene.target.refusedLogins.get(account)).toBe(1);
  });

  test("is only told where that is declared, at every up", async () => {
    const { seen, inputs } = await refreshed(true);
    const told = await scene.up(inputs, seen, { onDrift: "report" });
    expect(told).toMatchObject({ outputs: { status: "unfinished" } });
    expect(scene.notes.join("\n")).toContain("refuses version 1, the current one");
    expect(scene.target.passwordOf(account)).toBe("somebody's own");
    expect(await scene.changes(inputs, told)).toBe(true);
  });

  test("is no matter of a target that can't be asked: the refresh goes on", async () => {
    const inputs = await orders();
    const made = await scene.up(inputs);
    scene.target.next("verify", () => ({ proof: "unreachable", reason: "no route" }));
    expect(await scene.refresh(made, { verifyOnRefresh: true })).toEqual({ id: made.id, outputs: made.outputs });
    expect(scene.notes.join("\n")).toContain("unreachable (no route)");
  });
});
