import { afterEach, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { ScannedFile } from "../../provider/scan/files.js";
import { scan, type ScanResult } from "../../provider/scan/scan.js";
import { v1Front } from "../../provider/server/v1/front.js";
import type { ValueQuery, Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { createOne, failure, withValue } from "../contract/vault-cases/setup.js";
import { ServerScene } from "../fixtures/server-scene.js";

let scene: ServerScene;
let opened: Vault | undefined;
afterEach(async () => {
  await opened?.close();
  await scene.close();
});

/** Of a reader who may read category A and no other, over files of these texts. */
async function start(): Promise<Vault> {
  scene = await ServerScene.start({ fronts: [v1Front] });
  const [a, b] = await Promise.all(["A", "B"].map((name) => scene.vault.createCategory({ name, parentId: null })));
  await createOne(scene.vault, { name: "mine", categoryId: a?.id ?? "", ...withValue("value-of-mine") });
  await createOne(scene.vault, { name: "theirs", categoryId: b?.id ?? "", ...withValue("value-of-theirs") });
  const token = new Secret(await scene.token("ana", { role: "reader" }));
  const ana = await scene.vault.people.findPrincipal("user", "ana");
  await scene.vault.people.createGrant({ categoryId: a?.id ?? "", principalId: ana?.id ?? "", role: "reader" });
  return (opened = openRemoteVault({ origin: scene.origin, token: () => token }));
}

async function scanned(vault: Vault, texts: readonly string[], values = true): Promise<ScanResult> {
  async function* files(): AsyncIterable<ScannedFile> {
    for (const [index, text] of texts.entries()) yield { path: `${String(index)}.txt`, text };
  }
  const { signal } = new AbortController();
  return scan({ vault, files: files(), references: true, values, signal });
}

test("a reader finds what is theirs, and hears of another's neither by a value nor by a reference that leads there", async () => {
  const vault = await start();
  const { name } = await vault.identity();
  const { findings } = await scanned(vault, [
    "a = value-of-mine\nb = value-of-theirs\n",
    `A=coffre://${name}/A/mine\nB=coffre://${name}/B/theirs\nC=coffre://${name}/B/none\n`,
  ]);
  expect(findings).toMatchObject([
    { kind: "value", path: "0.txt", line: 1, value: { path: ["A", "mine"] } },
    { kind: "reference", path: "1.txt", line: 2, code: "FORBIDDEN" },
    { kind: "reference", path: "1.txt", line: 3, code: "NOT_FOUND" },
  ]);
});

test("what a scan sends is digests, others each time", async () => {
  const vault = await start();
  const bodies: string[] = [];
  const watched = new Proxy(vault, {
    get: (target, key) => {
      if (key !== "findValues") return Reflect.get(target, key, target) as unknown;
      return (query: ValueQuery) => {
        bodies.push(JSON.stringify(query));
        return target.findValues?.(query);
      };
    },
  });
  for (let time = 0; time < 2; time += 1) {
    expect((await scanned(watched, ["a = value-of-mine\n"])).findings).toHaveLength(1);
  }
  expect(bodies).toHaveLength(2);
  expect(bodies[0]).not.toBe(bodies[1]);
  expect(bodies.join("")).not.toContain("value-of");
});

test("in a vault that can't compare, values are refused and references are looked at", async () => {
  const vault = await start();
  const without = new Proxy(vault, {
    get: (target, key) => (key === "findValues" ? undefined : (Reflect.get(target, key, target) as unknown)),
  });
  await failure(scanned(without, ["x"]), "NOT_SUPPORTED");
  const proxied = { identity: () => vault.identity(), findCredential: (path: string[]) => vault.findCredential(path) };
  const { name } = await vault.identity();
  const { findings } = await scanned(proxied as unknown as Vault, [`A=coffre://${name}/A/none`], false);
  expect(findings).toMatchObject([{ kind: "reference", code: "NOT_FOUND" }]);
});
