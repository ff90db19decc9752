import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import * as coffre from "../../provider/index.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import type { Kind } from "../../provider/shell/front.js";
import { createVault, inVault, type TestVault } from "../stack/harness.ts";

// What can't be right is said by `check`, which a preview calls before anything is planned: from a program's own inputs,
// through the code that the plugin runs, to a real vault. How the engine shows it is in test/stack/refusals.slow.test.ts.

const KINDS: Record<string, Kind> = {
  "coffre:index:Category": "category",
  "coffre:index:Credential": "credential",
  "coffre:index:Group": "group",
  "coffre:index:Grant": "grant",
};

const LISTENERS = { SIGINT: process.listeners("SIGINT"), SIGTERM: process.listeners("SIGTERM") };

const before = process.cwd();
let folder: string;
let vault: TestVault;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "coffre-front-"));
  process.chdir(folder); // the checkout has the quickstart's coffre.yaml in it, where that has run
  vault = await createVault(folder);
  await inVault(vault, (opened) => opened.createCredentials([{ name: "taken", categoryId: null }]));
});
afterAll(() => {
  // A plugin ends by these, and this process isn't one.
  for (const [signal, ours] of Object.entries(LISTENERS)) {
    for (const listener of process.listeners(signal as NodeJS.Signals)) {
      if (!ours.includes(listener)) process.removeListener(signal, listener);
    }
  }
  process.chdir(before);
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  process.env = { PATH: "/bin", HOME: folder, COFFRE_KEY_FILE: vault.keyFile, COFFRE_URL: vault.url };
});

/** Everything that the plugin says of a program's resources, in their order, at a preview. */
async function refusal(program: () => void): Promise<string> {
  const registered: { kind: Kind; name: string; inputs: Record<string, unknown> }[] = [];
  const newResource = ({ type, name, inputs }: pulumi.runtime.MockResourceArgs) => {
    const kind = KINDS[type];
    if (kind) registered.push({ kind, name, inputs: asTheEngineSends(inputs as Record<string, unknown>) });
    return { id: undefined, state: {} }; // not known yet
  };
  await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "shop", "dev", true);
  program();
  await pulumi.runtime.disconnect(); // waits for every registration
  const { check } = await import("../../provider/shell/front.js");
  const lookup = (key: string) => (key === "coffre:stack" ? "organization/shop/dev" : undefined);
  const said: string[] = [];
  for (const { kind, name, inputs } of registered) {
    const { failures } = await check(kind, lookup, {}, inputs);
    for (const { property, reason } of failures) {
      expect(property).toBe(""); // with a name the engine would print the property's value
      said.push(`${name}: ${reason}`);
    }
  }
  return said.join("\n");
}

function asTheEngineSends(inputs: Record<string, unknown>): Record<string, unknown> {
  const sent = (value: unknown) => (pulumi.isUnknown(value) ? UNKNOWN : value);
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, sent(value)]));
}

const one = () => new coffre.Credential("smtp", { username: "mailer" });

test("nothing is said of what is right", async () => {
  expect(await refusal(one)).toBe("");
});

describe("configuration", () => {
  beforeEach(() => {
    jest.resetModules(); // one plugin serves one process, and opens one vault
  });

  test.each([
    [
      "an unknown scheme",
      { COFFRE_URL: "ftp://vault" },
      /^smtp: CONFIGURATION: The vault's URL .* unknown scheme ftp:\/\/[\s\S]*Start it with file:/,
    ],
    ["a URL that names no file", { COFFRE_URL: "kdbx://x.kdbx" }, /^smtp: CONFIGURATION: .* names no file/],
    ["no vault at the URL", { COFFRE_URL: "file://./nowhere.db" }, /^smtp: VAULT_MISSING[\s\S]*coffre vault init/],
    ["no key", { COFFRE_KEY_FILE: "" }, /^smtp: CONFIGURATION[\s\S]*COFFRE_KEY_FILE/],
  ])("%s", async (_name, env, message) => {
    Object.assign(process.env, env);
    expect(await refusal(one)).toMatch(message);
  });

  test("a key that others may read", async () => {
    chmodSync(vault.keyFile, 0o644);
    expect(await refusal(one)).toMatch(/^smtp: CONFIGURATION: .*may be opened by others/);
    chmodSync(vault.keyFile, 0o600);
  });
});

const target = (more: object = {}) =>
  coffre.postgres({ host: "db.example.com", admin: { username: "dba", passwordEnv: "X" }, ...more });

describe("a declaration", () => {
  beforeAll(() => {
    jest.resetModules();
  });

  test.each<[string, () => unknown, RegExp]>([
    ["a name with a slash", () => new coffre.Category("a", { name: "a/b" }), /^a: .*has a slash/],
    ["an empty name", () => new coffre.Credential("a", { name: "" }), /^a: .*is empty/],
    ["a name of two lines", () => new coffre.Credential("a", { name: "a\nb" }), /^a: .*has a line break/],
    [
      "a reference that finds nothing",
      () =>
        new coffre.Credential("a", {
          username: "billing",
          target: coffre.postgres({ host: "db.example.com", adminRef: "coffre://prod/nobody" }),
        }),
      /^a: [\s\S]*No credential at coffre:\/\/prod\/nobody/,
    ],
    [
      "a second credential for one account",
      () => ["first", "second"].map((name) => new coffre.Credential(name, { username: "orders", target: target() })),
      /^second: CONFLICT: The account postgres:\/\/orders@db\.example\.com:5432/,
    ],
    ["a name that is taken", () => new coffre.Credential("taken"), /^taken: CONFLICT[\s\S]*aliases[\s\S]*adopt/],
    [
      "a grant that has expired",
      () => grant({ expiresAt: "2001-01-01T00:00:00Z" }),
      /^grant: .*has passed already: 2001/,
    ],
    ["a grant in no category", () => grant({ categoryId: "ct_gone" }), /^grant: .*There is no category ct_gone/],
    ["a grant to nobody", () => grant({ principalId: "us_gone" }), /^grant: .*There is no user or group us_gone/],
  ])("%s", async (_name, program, message) => {
    expect(await refusal(program)).toMatch(message);
  });
});

function grant(more: Partial<coffre.GrantArgs>): coffre.Grant {
  const dba = new coffre.Group("DBA");
  return new coffre.Grant("grant", { principalId: dba.id, role: "reader", ...more });
}
