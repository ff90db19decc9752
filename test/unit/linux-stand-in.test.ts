import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import { StandInHost } from "../../tools/linux-hosts/stand-in.ts";

let host: StandInHost;
beforeAll(async () => {
  host = await StandInHost.start({ keeper: "the keeper's", deploy: "what it was before" });
});
afterAll(() => host.stop());

test("the stand-in for machines that allow no real hosts is looked at, set and proven by the same driver", async () => {
  const { address, port, hostKey } = host;
  const admin = { username: "keeper", passwordEnv: "UNREAD" };
  const spec = linuxDriver.parse({ host: address, port, hostKey, admin }, "deploy");
  const session = await linuxDriver.connect(spec, {
    username: "keeper",
    password: new Secret("the keeper's"),
    self: false,
  });
  const password = new Secret("a:new one with $igns");
  await expect(session.look(spec)).resolves.toEqual({ accountExists: true, notes: [] });
  await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
  await expect(linuxDriver.verify(spec, password, spec.address)).resolves.toEqual({ proof: "works" });
  const before = new Secret("what it was before");
  await expect(linuxDriver.verify(spec, before, spec.address)).resolves.toMatchObject({ proof: "refused" });
  expect(host.refused).toEqual(new Map([["deploy", 1]]));
  const missing = linuxDriver.parse({ host: address, port, hostKey, admin }, "nobody");
  await expect(session.look(missing)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(session.set(missing, password)).resolves.toMatchObject({ result: "refused" });
  await session.close();
});
