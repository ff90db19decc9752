import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { TargetLogin } from "../../provider/target/port.js";
import { startPostgres } from "../fixtures/postgres-server.js";
import { PostgresHarness } from "./postgres-harness.js";
import { CuttingProxy } from "./target-proxy.js";

const PASSWORD = "CoffreMarker-of-an-admin";

let harness: PostgresHarness;

const connections = async () => [...(await harness.log()).matchAll(/connection received/g)].length;
const specOf = (name: string, description = harness.description()) => harness.driver.parse(description, name);

beforeAll(async () => {
  harness = new PostgresHarness(await startPostgres());
  for (const name of ["one", "two", "three"]) await harness.makeAccount(name, PASSWORD);
}, 120_000);

afterAll(() => harness.stop());

/** Looks at two accounts on one session, with whatever happens between. @returns connections that the second look made */
async function lookTwice({
  between = async () => {},
  admin = harness.admin,
  description = harness.description(),
}: {
  between?: () => Promise<void>;
  admin?: TargetLogin;
  description?: Record<string, unknown>;
} = {}): Promise<number> {
  const session = await harness.driver.connect(specOf("one", description), admin);
  try {
    await session.look(specOf("one", description));
    await between();
    const before = await connections();
    await session.look(specOf("two", description));
    await session.look(specOf("three", description));
    return (await connections()) - before;
  } finally {
    await session.close();
  }
}

/** The server loads rules that were written so long ago that it is certain which of the two came first. */
async function load(...rules: string[]): Promise<void> {
  await harness.server.setHba(rules);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  await harness.query("SELECT pg_reload_conf()");
  await new Promise((resolve) => setTimeout(resolve, 200));
}

test("asks for no account by a connection where the admin sees that all are asked for SCRAM", async () => {
  const forOthers = ["host all all 10.0.0.0/8 trust", "host all all ::1/128 trust", "local all all trust"];
  await load("host all somebody 127.0.0.1/32 md5", ...forOthers);
  await expect(lookTwice()).resolves.toBe(0);
});

test("rules that the server has loaded since are seen", async () => {
  await load();
  const between = () => load("host all three 127.0.0.1/32 trust");
  await expect(lookTwice({ between })).rejects.toMatchObject({ code: "NOT_VERIFIABLE" });
});

test.each([
  ["that may let somebody in", "host all somebody 127.0.0.1/32 trust"],
  ["for a name of a host", "host all all somewhere.invalid trust"],
  ["with options", "host all somebody 127.0.0.1/32 scram-sha-256 map=some"],
])("asks by connections where there is a rule %s", async (_what, rule) => {
  await load(rule);
  await expect(lookTwice()).resolves.toBe(2);
});

test("a file that the server hasn't loaded says nothing", async () => {
  await load();
  await appendFile(join(harness.server.dataFolder, "pg_hba.conf"), "# changed\n");
  await expect(lookTwice()).resolves.toBe(2);
});

test("an admin who may not see the rules asks by connections", async () => {
  await load();
  await harness.makeAccount("maker", PASSWORD);
  await harness.query("ALTER ROLE maker CREATEROLE; GRANT one, two, three TO maker WITH ADMIN OPTION");
  await expect(lookTwice({ admin: harness.login("maker", PASSWORD) })).resolves.toBe(2);
});

test("behind a proxy, which may ask for something else, accounts are asked for by connections", async () => {
  await load();
  const proxy = await CuttingProxy.start(harness.server);
  try {
    await expect(lookTwice({ description: harness.elsewhere(proxy.port) })).resolves.toBe(2);
  } finally {
    await proxy.stop();
  }
});
