import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { execa } from "execa";
import pg from "pg";
import { makeTokens, ServedVault } from "../../tools/served/served-vault.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVault, currentValue, inVault, output, type TestVault } from "./harness.ts";
import { createQuickstart, type QuickstartScene } from "./quickstart-program.ts";

const COFFRE = resolve(import.meta.dirname, "../../bin/coffre.js");
const PATH = ["Databases", "orders-app"];

let folder: string;
let vault: TestVault;
let server: ServedVault;
let token: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-served-"));
  vault = await createVault(folder);
  [token = ""] = await makeTokens(vault, [{ user: "ci", role: "administrator", label: "a test" }]);
  server = await ServedVault.start(vault);
}, 30_000);
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Runs the program through its life. @param at where people find its entry in the vault that is served */
async function life({ project, database }: QuickstartScene, at: readonly string[]): Promise<void> {
  succeed(await project.up());
  expect(await project.outputs()).toEqual({ ref: "coffre://prod/Databases/orders-app", version: 1 });
  const password = await currentValue(vault, at);
  const client = new pg.Client({ ...database.connection(), user: "orders_app", password });
  await client.connect();
  await client.end();
  expect(await database.refusedLogins("orders_app")).toBe(0);
  const state = await project.stateText();
  for (const secret of [password, token]) expect(state).not.toContain(secret);
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+6 unchanged/);
  succeed(await project.destroy());
  expect(await inVault(vault, (opened) => opened.findCredential(at))).toBeUndefined();
}

test("the quickstart's program runs as it stands on a vault that `coffre serve` serves", async () => {
  const scene = await createQuickstart(`coffre+${server.origin}`, { COFFRE_TOKEN_FILE: token });
  try {
    await life(scene, PATH);
  } finally {
    await scene.remove();
  }
}, 180_000);

test("the quickstart's program runs as it stands on a vault in LockSelf, where people find what it rotated", async () => {
  const url = `lockself+${server.origin}/Robots?settleMs=0`;
  const tokens = { COFFRE_LOCKSELF_AUTH_TOKEN_FILE: token, COFFRE_LOCKSELF_LS_TOKEN_FILE: token };
  const scene = await createQuickstart(url, tokens);
  try {
    const { env } = scene.project;
    await execa(process.execPath, [COFFRE, "vault", "init", "--name", "prod", "--vault", url], {
      env,
      extendEnv: false,
    });
    await life(scene, ["Robots", ...PATH]);
  } finally {
    await scene.remove();
  }
}, 180_000);
