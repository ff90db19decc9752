import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import ssh2 from "ssh2";
import { Secret } from "../../provider/core/secret.js";
import { createRotationContext } from "../../provider/rotation/context.js";
import { connectBooked } from "../../provider/rotation/admins.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import type { TargetSpec } from "../../provider/target/port.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { newKeyPair } from "../../tools/linux-hosts/key-pair.ts";
import { FakeClock } from "../fixtures/fake-clock.ts";

/**
 * Servers that ask for a code after the password, in the same dialogue: PAM with a one-time code does, and whether the
 * password was right is said only after both. No module of the test machines asks for one, so the dialogue is played.
 */
const key = newKeyPair();
let server: ssh2.Server;
let spec: TargetSpec;
let vault: Vault;
const clock = new FakeClock();

beforeAll(async () => {
  server = new ssh2.Server({ hostKeys: [key.private] }, (client) => {
    client.on("error", () => undefined);
    client.on("authentication", (asked) => {
      if (asked.method !== "keyboard-interactive") return asked.reject(["keyboard-interactive"]);
      asked.prompt([{ prompt: "Password: ", echo: false }], () => {
        asked.prompt([{ prompt: "Verification code: ", echo: true }], () => asked.reject());
      });
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const admin = { username: "keeper", passwordEnv: "KEEPER" };
  spec = linuxDriver.parse({ host: "127.0.0.1", port, hostKey: key.public, admin }, "app");
});
afterAll(() => new Promise((closed) => server.close(closed)));
beforeEach(() => {
  vault = createMemoryVault({ name: "codes", clock, actor: "test", source: "test" });
});

test("a password that was sent and not judged is no proof, and may count as a refused login", async () => {
  await expect(linuxDriver.verify(spec, new Secret("x"), spec.address)).resolves.toMatchObject({
    proof: "not-verifiable",
    unanswered: true,
  });
  const login = { username: "keeper", password: new Secret("x"), self: false };
  await expect(linuxDriver.connect(spec, login)).rejects.toMatchObject({
    code: "TARGET_NOT_READY",
    details: { unanswered: true },
  });
});

test("an admin's logins that end so are counted, and stop at the budget", async () => {
  const context = createRotationContext({ vault, drivers: [linuxDriver], clock });
  const login = { username: "keeper", password: new Secret("x"), self: false, label: "keeper" };
  const codes: unknown[] = [];
  for (let time = 0; time < 3; time += 1) {
    await connectBooked(context, spec, login, "proof").catch((error: { code: string }) => codes.push(error.code));
  }
  expect(codes).toEqual(["TARGET_NOT_READY", "TARGET_NOT_READY", "BUDGET_SPENT"]);
});

test("an account whose own login ends so stops the same way", async () => {
  const { hostKey, ...address } = { ...spec.address, hostKey: key.public };
  const context = createRotationContext({ vault, drivers: [linuxDriver], clock });
  const declared = [{ kind: "linux", ...address, hostKey }];
  const targets = await prepareTargets(context, { targets: declared, username: "app" });
  const initial = { value: new Secret("the present one"), causes: [] };
  const [made] = await vault.createCredentials([{ name: "app", categoryId: null, username: "app", targets, initial }]);
  const codes: unknown[] = [];
  for (let time = 0; time < 3; time += 1) {
    await reachCauses(context, made?.id ?? "", ["cause"]).catch((error: { code: string }) => codes.push(error.code));
  }
  expect(codes).toEqual(["TARGET_NOT_READY", "TARGET_NOT_READY", "BUDGET_SPENT"]);
});
