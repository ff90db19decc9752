import { expect, test } from "@jest/globals";
import { collect } from "../../provider/core/collect.js";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createLockselfVault } from "../../provider/vault/lockself/create.js";
import { openLockselfVault } from "../../provider/vault/lockself/lockself-vault.js";
import { LOCKSELF_ROUTES } from "../../provider/vault/lockself/routes.js";
import { LockselfScene } from "../fixtures/lockself-scene.js";

/** One more than a client remembers. */
const ENTRIES = 1_001;

test("more credentials than a process remembers are listed and read at once", async () => {
  const scene = await LockselfScene.start({ limits: { requestsPerMinute: 1_000_000 } });
  const token = new Secret(scene.token);
  const place = {
    http: { origin: scene.server.origin, routes: LOCKSELF_ROUTES, tokens: () => ({ auth: token, ls: token }) },
    api: { settleMs: 0 },
    space: ["Coffre"],
  };
  await createLockselfVault({ ...place, name: "large", clock: systemClock });
  const vault = openLockselfVault({ ...place, actor: "ana", clock: systemClock });
  try {
    await vault.createCredentials(
      Array.from({ length: ENTRIES }, (_, index) => ({
        name: `entry-${index}`,
        categoryId: null,
        initial: { value: new Secret(`value of entry-${index}`), causes: ["a test"] },
      })),
    );
    const listed = await collect(vault.listCredentials());
    const answers = await vault.readMany(listed.map(({ id }) => ({ id })));
    const values = answers.map((one) => (one instanceof Error ? one.message : one.value.reveal()));
    expect(values).toEqual(listed.map(({ name }) => `value of ${name}`));
    expect(listed).toHaveLength(ENTRIES);
  } finally {
    await vault.close();
    await scene.close();
  }
}, 120_000);
