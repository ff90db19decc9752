import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { userStateFolder } from "../../provider/config/index.js";
import type { Vault, VaultIdentity } from "../../provider/vault/port.js";
import { isWritable, seenPath } from "../../provider/witness/seen.js";
import { Witness } from "../../provider/witness/witness.js";
import { withIdentity } from "../fixtures/resource-scene.ts";
import { Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
let folder: string;
beforeEach(() => {
  scene = new Scene();
  folder = mkdtempSync(join(tmpdir(), "coffre-witness-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await scene.close();
});

const witnessOf = (vault: Vault) => new Witness({ vault, folder });

/** The vault as it is after an older copy took its place: with another past from some event on. */
function older(): Vault {
  return new Proxy(scene.vault, {
    get(target, property) {
      if (property === "hasHeads") return async (proofs: string[]) => proofs.map(() => false);
      if (property === "identity") return async () => elsewhere(await target.identity());
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** The identity of a vault whose past ends with another event of the same number. */
function elsewhere(identity: VaultIdentity): VaultIdentity {
  return { ...identity, headProof: `${identity.head}:${"e".repeat(32)}` };
}

/** What was seen, moved to before all that the test does next. */
async function seenBefore(): Promise<void> {
  await witnessOf(scene.vault).raise(scene.clock.now());
  scene.clock.advance(1_000);
}

test("remembers nothing of a vault at first, and hinders nobody", async () => {
  const id = await scene.orders();
  const witness = witnessOf(scene.vault);
  expect(await witness.lost()).toBeUndefined();
  await witness.refuseOlder(await scene.vault.readCredential(id));
});

test("keeps how far the vault had come, for its user alone, and follows it", async () => {
  await scene.orders();
  const { id: vaultId, headProof } = await scene.vault.identity();
  await witnessOf(scene.vault).raise(scene.clock.now());
  const path = seenPath(folder, vaultId);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
    restoreCounter: 0,
    head: headProof,
    at: scene.clock.now().toISOString(),
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);

  await scene.add({ name: "one more" });
  expect(await witnessOf(scene.vault).lost()).toBeUndefined();
  await witnessOf(scene.vault).raise(scene.clock.now());
  expect(readFileSync(path, "utf8")).toContain((await scene.vault.identity()).headProof);
  expect(readdirSync(join(folder, "seen"))).toHaveLength(1);
});

test("refuses to set anything from an older copy until a person has decided about the credential", async () => {
  const id = await scene.orders();
  await seenBefore();
  const vault = older();
  const before = await vault.readCredential(id);
  await expect(witnessOf(vault).refuseOlder(before)).rejects.toMatchObject({
    code: "ROLLED_BACK",
    problem: expect.stringMatching(
      /^The vault is older than what was seen of it here on .*, so orders may have a newer/,
    ),
    hint: expect.stringContaining(`coffre resolve ${id} --accept-rollback`),
  });
  await witnessOf(vault).refuseOlder(await vault.resolveCredential(id, { decision: "accept-rollback" }));
  const made = await scene.add({ name: "made since" });
  await witnessOf(vault).refuseOlder(made);
});

test("a restored vault is older, whatever its log says", async () => {
  const id = await scene.orders();
  await seenBefore();
  const witness = witnessOf(withIdentity(scene.vault, { restoreCounter: 1 }));
  await expect(witness.refuseOlder(await scene.vault.readCredential(id))).rejects.toMatchObject({
    code: "ROLLED_BACK",
  });
});

test("follows an older copy only once everything with a target is decided about", async () => {
  const first = await scene.orders();
  const second = await scene.withTargets([{ host: "db2" }], { name: "other" });
  await seenBefore();
  const vault = older();
  const { id: vaultId } = await vault.identity();
  const seen = () => readFileSync(seenPath(folder, vaultId), "utf8");
  const before = seen();
  await vault.resolveCredential(first, { decision: "accept-rollback" });
  await witnessOf(vault).raise(scene.clock.now());
  expect(seen()).toBe(before);
  await vault.resolveCredential(second, { decision: "accept-rollback" });
  await witnessOf(vault).raise(scene.clock.now());
  expect(seen()).toContain((await vault.identity()).headProof);
});

test("a witness that can't be read is none", async () => {
  const id = await scene.orders();
  await seenBefore();
  writeFileSync(seenPath(folder, (await scene.vault.identity()).id), "{ half a file");
  await witnessOf(older()).refuseOlder(await scene.vault.readCredential(id));
});

test("a folder that can't be written hinders nobody", async () => {
  writeFileSync(join(folder, "seen"), "a file where the folder should be");
  await witnessOf(scene.vault).raise(scene.clock.now());
  expect(isWritable(folder)).toBe(true);
  expect(isWritable(join(folder, "not", "there", "yet"))).toBe(true);
  expect(isWritable(join(folder, "seen", "below a file"))).toBe(process.getuid?.() === 0);
  chmodSync(folder, 0o500);
  if (process.getuid?.() !== 0) expect(isWritable(folder)).toBe(false);
  chmodSync(folder, 0o700);
});

test("the state folder is XDG's, and only an absolute one counts", () => {
  expect(userStateFolder({ HOME: "/home/ana" })).toBe("/home/ana/.local/state/coffre");
  expect(userStateFolder({ HOME: "/home/ana", XDG_STATE_HOME: "/srv/state" })).toBe("/srv/state/coffre");
  expect(userStateFolder({ HOME: "/home/ana", XDG_STATE_HOME: "state" })).toBe("/home/ana/.local/state/coffre");
});

test("a rotation asks its witness before anything is set", async () => {
  const id = await scene.rotated();
  await seenBefore();
  const context = {
    ...scene.context(),
    refuseOlder: (credential: never) => witnessOf(older()).refuseOlder(credential),
  };
  await expect(scene.rotate(id, "cause:2", context)).rejects.toMatchObject({ code: "ROLLED_BACK" });
  expect(scene.target.calls).toEqual([]);
  expect(await scene.versions(id)).toBe("1 current");
});
