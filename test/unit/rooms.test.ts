import { describe, expect, test } from "@jest/globals";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { findBreaches } from "../fixtures/rooms.js";

const root = join(import.meta.dirname, "../..");
const files = globSync("{provider,examples,tools/engine}/**/*.{ts,cts,mts}", {
  cwd: root,
  exclude: (name) => name.includes("node_modules") || name.includes("dist"),
}).filter((file) => !file.endsWith(".d.ts"));

test("no file imports what its room doesn't know", () => {
  expect(files.length).toBeGreaterThan(40);
  expect(files.flatMap((file) => findBreaches(file, readFileSync(join(root, file), "utf8")))).toEqual([]);
});

test("every package that the provider imports comes with it when a user installs it", () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const packages = files
    .filter((file) => file.startsWith("provider/"))
    .flatMap((file) => ts.preProcessFile(readFileSync(join(root, file), "utf8"), true, true).importedFiles)
    .map(({ fileName }) => /^(@[^/]+\/)?[^/]+/.exec(fileName)?.[0] ?? fileName)
    .filter((name) => !name.startsWith(".") && !name.startsWith("node:") && name !== "coffre");
  expect(packages).toContain("pg");
  expect([...new Set(packages)].filter((name) => !(name in dependencies))).toEqual([]);
});

describe("a planted import is found:", () => {
  test.each([
    ["provider/core/policy.ts", 'import { open } from "../vault/port.js";'],
    ["provider/core/policy.ts", 'import * as pulumi from "@pulumi/pulumi";'],
    ["provider/core/policy.ts", 'import type { Output } from "@pulumi/pulumi/output.js";'],
    ["provider/core/policy.ts", 'export { find } from "../config/index.js";'],
    ["provider/core/policy.ts", 'const vault = await import("../vault/embedded/vault.js");'],
    ["provider/core/policy.ts", 'const vault = require("../vault/embedded/vault.js");'],
    ["provider/config/resolve.ts", 'import { x } from "../vault/embedded/vault.js";'],
    ["provider/vault/embedded/vault.ts", 'import type { TargetDriver } from "../../target/port.js";'],
    ["provider/target/postgres/set.ts", 'import { x } from "../mysql/set.js";'],
    ["provider/target/postgres/set.ts", 'import type { Vault } from "../../vault/port.js";'],
    ["provider/rotation/rotate.ts", 'import { x } from "../target/postgres/driver.js";'],
    ["provider/rotation/rotate.ts", 'import { x } from "../vault/journal.js";'],
    ["provider/resources/credential/handlers.ts", 'import * as pulumi from "@pulumi/pulumi";'],
    ["provider/resources/credential/handlers.ts", 'import provider from "coffre/dynamic/credential";'],
    ["provider/resources/credential/handlers.ts", 'import { x } from "../../vault/memory/vault.js";'],
    ["provider/cli/main.ts", 'import { x } from "@pulumi/pulumi";'],
    ["provider/cli/main.ts", 'import { x } from "../vault/embedded/vault.js";'],
    ["provider/cli/context.ts", 'import { x } from "../shell/register.js";'],
    ["provider/server/v1.ts", 'import { x } from "../rotation/rotate.js";'],
    ["examples/vm-and-database/index.ts", 'import { x } from "../../provider/core/policy.js";'],
    ["examples/vm-and-database/index.ts", 'import { x } from "coffre/dist/core/policy.js";'],
    ["tools/engine/locate.ts", 'import { x } from "../../provider/core/errors.js";'],
    ["provider/elsewhere/x.ts", ""],
  ])("%s: %s", (file, text) => {
    expect(findBreaches(file, text)).toHaveLength(1);
  });

  test("and what the table allows, or what is only a comment or a text, isn't", () => {
    const text = [
      'import * as pulumi from "@pulumi/pulumi";',
      'import provider from "coffre/dynamic/credential";',
      'import { register } from "../../shell/register.js";',
      'import { X } from "./schema.js";',
      'import fs from "node:fs";',
      '// import x from "../../vault/memory/vault.js";',
      "const text = 'import x from \"../../vault/memory/vault.js\"';",
    ].join("\n");
    expect(findBreaches("provider/resources/credential/resource.ts", text)).toEqual([]);
    expect(findBreaches("provider/shell/dynamic/credential.cts", 'import type * as p from "@pulumi/pulumi";')).toEqual(
      [],
    );
  });
});
