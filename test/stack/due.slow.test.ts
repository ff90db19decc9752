import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { readKeyFile } from "../../provider/vault/embedded/key-file.js";
import { HookReceiver } from "../fixtures/hook-receiver.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, currentValue, output, resourceNamed, type VaultProject, versionsOf } from "./harness.ts";

const DAY_MS = 86_400_000;

let stack: VaultProject;
let receiver: HookReceiver;
beforeAll(async () => {
  receiver = await HookReceiver.start();
  stack = await createVaultProject(`
const signing = new coffre.Credential("signing");
const smtp = new coffre.Credential("smtp", {
  username: "mailer",
  rotation: { everyDays: 30 },
  notify: [{ url: "${receiver.url}", secretRef: signing.idRef }],
});
smtp.rotationDueSince.apply((known) => console.log(\`KNOWN \${known}\`));
export const dueSince = smtp.rotationDueSince;
`);
}, 60_000);
afterAll(async () => {
  await stack.project.remove();
  await receiver.close();
});

/** As if it had been rotated so many days ago. */
async function rotateDaysAgo(id: string, days: number): Promise<Date> {
  const then = new Date(Date.now() - days * DAY_MS);
  const clock = { ...systemClock, now: () => then };
  const { path, keyFile } = stack.vault;
  const vault = openEmbeddedVault({ path, key: () => ({ keyText: readKeyFile(keyFile) }), actor: "test", clock });
  await reachCauses(createRotationContext({ vault, drivers: [], clock }), id, ["command:then"]);
  await vault.close();
  return then;
}

test("a preview shows since when a rotation is due, with no change planned; an up with rotateDue does it, and tells", async () => {
  expect(output(succeed(await stack.project.preview()))).toMatch(/smtp create/);
  expect(receiver.received).toEqual([]);
  succeed(await stack.project.up());
  receiver.key = Buffer.from(await currentValue(stack.vault, ["signing"]));
  expect(await stack.project.outputs()).not.toHaveProperty("dueSince");
  const { id = "" } = await resourceNamed(stack.project, "smtp");
  const then = await rotateDaysAgo(id, 31);
  succeed(await stack.project.up()); // brings the state in line with the version of then

  const since = new Date(then.getTime() + 30 * DAY_MS).toISOString();
  const preview = succeed(await stack.project.preview());
  expect(output(preview)).toContain(`smtp is due for rotation since ${since}: run \`coffre rotate --due\``);
  expect(output(preview)).toContain(`KNOWN ${since}`);
  expect(output(preview)).not.toMatch(/smtp +update/);

  await stack.project.setConfig("coffre:rotateDue", "true");
  succeed(await stack.project.up());
  expect(await versionsOf(stack.vault, ["smtp"])).toBe("1 previous, 2 previous, 3 current");
  expect(await stack.project.outputs()).not.toHaveProperty("dueSince");
  expect(receiver.received).toMatchObject([1, 2, 3].map((version) => ({ body: { data: { version } } })));
  expect(receiver.received.at(-1)?.isSigned).toBe(true);
}, 240_000);
