import { afterEach, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { CoffreError } from "../../provider/core/errors.js";
import { parseReference } from "../../provider/core/reference.js";
import { Secret } from "../../provider/core/secret.js";
import { readWanted } from "../../provider/delivery/read-wanted.js";
import { checkReferences } from "../../provider/scan/check-references.js";
import { v1Front } from "../../provider/server/v1/front.js";
import type { Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { createOne, withValue } from "../contract/vault-cases/setup.js";
import { ServerScene } from "../fixtures/server-scene.js";

let scene: ServerScene;
let opened: Vault | undefined;
afterEach(async () => {
  await opened?.close();
  await scene.close();
});

/** The vault as a reader of category A has it, with what `coffre run` or `coffre inject` would want of it, a line each. */
async function start(): Promise<{ vault: Vault; want: (vault: Vault, ...paths: string[]) => Promise<unknown> }> {
  scene = await ServerScene.start({ fronts: [v1Front] });
  for (const name of ["A", "B"]) {
    const { id } = await scene.vault.createCategory({ name, parentId: null });
    await createOne(scene.vault, { name: "entry", categoryId: id, ...withValue(`value-of-${name}`) });
  }
  const token = new Secret(await scene.token("ana", { role: "reader" }));
  const ana = await scene.vault.people.findPrincipal("user", "ana");
  const category = await scene.vault.findCategory(["A"]);
  const grant = { categoryId: category?.id ?? "", principalId: ana?.id ?? "", role: "reader" } as const;
  await scene.vault.people.createGrant(grant);
  opened = openRemoteVault({ origin: scene.origin, token: () => token });
  const { name } = await opened.identity();
  const want = (vault: Vault, ...paths: string[]) =>
    readWanted(
      { vault, name, clock: systemClock },
      paths.map((path, index) => ({
        reference: parseReference(`coffre://${name}/${path}`),
        place: { file: "refs.env", line: index + 1, column: 3 },
      })),
    );
  return { vault: opened, want };
}

test("what may not be read is told by its place, and nothing is handed over with it", async () => {
  const { vault, want } = await start();
  await expect(want(vault, "A/entry", "B/entry")).rejects.toMatchObject({
    code: "FORBIDDEN",
    problem: expect.stringMatching(/^refs\.env:2:3: ana may not read credential "B\/entry"/),
    message: expect.not.stringContaining("value-of"),
  });
  await expect(want(vault, "A/entry")).resolves.toMatchObject([{ type: "secret" }]);
});

test("a scan tells what it was asked for, and no id of what may not be read", async () => {
  const { vault } = await start();
  const references = ["A/entry", "B/entry", "B/none"].map((path) => parseReference(`coffre://main/${path}`));
  expect([...(await checkReferences(vault, references))]).toEqual(
    expect.arrayContaining([
      ["coffre://main/B/entry", { code: "FORBIDDEN", problem: 'This user may not read credential "B/entry"' }],
      ["coffre://main/B/none", { code: "NOT_FOUND", problem: 'There is no credential "B/none"' }],
    ]),
  );
});

test("a path where two credentials stand, as LockSelf may have them, is told by its place", async () => {
  const { want } = await start();
  const conflict = new CoffreError("CONFLICT", 'Two credentials are called "entry"');
  const double = { readMany: async () => [conflict] };
  await expect(want(double as unknown as Vault, "A/entry")).rejects.toMatchObject({
    code: "CONFLICT",
    problem: 'refs.env:1:3: Two credentials are called "entry"',
  });
});
