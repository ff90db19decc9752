import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { newKeyText, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import type { Vault } from "../../provider/vault/port.js";
import { category, entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
let vault: Vault;

beforeEach(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault("prod");
  const keyText = newKeyText();
  writeKeyFile(join(shell.home, "robots.key"), keyText);
  const path = join(shell.home, "robots.db");
  await createEmbeddedVault({ path, name: "robots", key: { keyText }, actor: "a test", clock: systemClock });
});

afterEach(async () => {
  await vault.close();
  await shell.close();
});

const TO = ["--to", "file://~/robots.db", "--to-key-file", "robots.key"];

async function sync(...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await shell.coffre(["sync", ...args]);
  return shell.plain(`${stdout}${stderr}exit ${String(exitCode)}`);
}

test("a sync, its dry run before it and its proof after it", async () => {
  await entry(vault, "Databases/orders-app", { username: "orders_app", value: "a value of prod" });
  const gone = await entry(vault, "Databases/old");
  expect(await sync(...TO, "--dry-run")).toBe(
    "new      Databases/old\nnew      Databases/orders-app\nprod to robots: 2 new.\nexit 0",
  );
  expect(await sync(...TO, "--verify")).toBe("prod to robots: 2 new; every field of every entry is the same.\nexit 0");
  await vault.updateCategory(await category(vault, "Databases"), { name: "Live" });
  await vault.archiveCredential(gone, {});
  expect(await sync(...TO, "--dry-run")).toBe(
    "moved    Databases/orders-app -> Live/orders-app\ngone     Databases/old\nprod to robots: 1 moved, 1 gone.\nexit 0",
  );
  await sync(...TO);
  expect(await sync(...TO)).toBe("prod to robots: 1 unchanged.\nexit 0");
  const there = ["--vault", "file://~/robots.db", "--key-file", "robots.key"];
  expect((await shell.coffre([...there, "read", "Live/orders-app"])).stdout).toBe("a value of prod\n");
  expect(shell.plain((await shell.coffre([...there, "history", "Live/orders-app"])).stdout)).toContain("coffre sync");
});

test("vaults by the names that coffre.yaml gives them, each with its own key, and JSON for programs", async () => {
  await entry(vault, "Databases/orders-app");
  await entry(vault, "Mail/relay");
  const named = "vaults:\n  robots:\n    url: file://./robots.db\n    keyFile: robots.key\n";
  await writeFile(join(shell.home, "coffre.yaml"), named);
  const report = await shell.json(["sync", "--to", "robots", "--category", "Databases", "--prefix", "From/prod"]);
  expect(report).toMatchObject({
    source: { name: "prod" },
    destination: { name: "robots" },
    dryRun: false,
    created: 1,
    unchanged: 0,
    steps: [{ action: "create", path: "From/prod/Databases/orders-app" }],
    failures: [],
    differences: null,
    interrupted: false,
  });
  await writeFile(join(shell.home, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
  const stack = "config:\n  coffre:vaults:\n    machines:\n      url: file://./robots.db\n      keyFile: robots.key\n";
  await writeFile(join(shell.home, "Pulumi.dev.yaml"), stack);
  expect(await sync("--to", "machines", "--category", "Mail", "--dry-run")).toContain("prod to robots: 1 new.");
  const unknown = await sync("--to", "elsewhere");
  expect(unknown).toContain("No vault is configured under the name elsewhere\n  Configured are machines, robots.");
  expect(unknown).toContain("exit 2");
});

test("what is refused, and what is left alone, with what to do about it", async () => {
  await entry(vault, "a");
  expect(await sync()).toContain("Nothing says where to");
  const main = ["--to", `file://${shell.vaultFile}`];
  expect(await sync(...main)).toContain("Vault prod can't be synced into itself");
  expect(await sync("--to", "file://~/nothing.db")).toContain("exit 1");
  expect(await sync("--to", "file://~/robots.db")).toContain("exit 4"); // the key in force isn't its

  await sync(...TO);
  await shell.coffre(["--vault", "file://~/robots.db", "--key-file", "robots.key", "put", "a"], { input: "theirs" });
  const conflict = await sync(...TO);
  expect(conflict).toContain("Somebody gave password of the copy a another value there");
  expect(conflict).toContain("prod to robots: nothing copied.\n");
  expect(conflict).toContain("exit 5");
  const back = await sync("--from", "file://~/robots.db", "--from-key-file", "robots.key", ...main);
  expect(back).toContain("a of vault robots is itself a copy from vault prod: a sync back would be a circle");
  expect(back).toContain("exit 5");
});
