import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { isMadeOf, Switch } from "../../examples/network-switch/device/switch.ts";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { closeRotationContext, createRotationContext, type RotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { commandDriver } from "../../provider/target/command/driver.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { referenceTo } from "../fixtures/rotation-scene.js";
import { switchTarget, SWITCH_PROGRAMS } from "./command-harness.ts";
import { Programs } from "./command-programs.ts";

const ADMIN = { name: "netadmin", password: "the admin's first password" };
const BEFORE = "what it was before";
/** Waits for nothing: pauses before a device is tried again are no part of these tests. */
const clock = { ...systemClock, sleep: async () => {} };

let device: Switch;
let programs: Programs;
let vault: Vault;
let adminRef: string;
let contexts: RotationContext[];

beforeAll(() => {
  programs = new Programs();
  programs.add("switch.mjs", `exec '${SWITCH_PROGRAMS}/switch.mjs'`);
});
afterAll(() => programs.close());
beforeEach(async () => {
  device = await Switch.start();
  device.give(ADMIN.name, ADMIN.password, { privileged: true });
  device.give("operator", BEFORE);
  vault = createMemoryVault({ name: "scene", clock, actor: "test", source: "test" });
  contexts = [];
  adminRef = referenceTo(await entry(ADMIN.name, ADMIN.password));
});
afterEach(async () => {
  await Promise.all(contexts.map(closeRotationContext));
  await device.stop();
});

async function entry(name: string, password?: string, declared?: Record<string, unknown>) {
  const targets = declared
    ? await prepareTargets(context(), { targets: [{ kind: "command", ...declared }], username: name })
    : [];
  const initial = password === undefined ? {} : { initial: { value: new Secret(password), causes: [] } };
  const input = { name, username: name, categoryId: null, targets, ...initial };
  const [credential] = await vault.createCredentials([input]);
  if (!credential) throw new Error("no credential was made");
  return credential;
}

/** A fresh run, as another process would make it. */
function context(): RotationContext {
  const made = createRotationContext({ vault, drivers: [commandDriver], clock });
  contexts.push(made);
  return made;
}
const rotate = (id: string, cause = "cause:1", run = context()) => reachCauses(run, id, [cause]);

const target = (change: Record<string, unknown> = {}) => ({
  ...switchTarget("127.0.0.1", device.port),
  adminRef,
  ...change,
});

/** Which of the entry's versions logs in, found without a login. */
async function inForce(id: string, user: string): Promise<string> {
  const kept = device.users.get(user)?.hash ?? "";
  const { versions } = await vault.readCredential(id);
  for (const { number, state } of versions) {
    const [answer] = await vault.readMany([{ id, version: number }]);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    if (isMadeOf(kept, answer.value.reveal())) return `${String(number)} ${state}`;
  }
  return "none";
}

/** Everything that the vault has written down, and the error. */
async function everythingSaid(error: unknown): Promise<string> {
  const events: unknown[] = [];
  for await (const event of vault.listEvents()) events.push(event);
  return JSON.stringify([events, error, String(error), error instanceof Error ? error.stack : ""]);
}

test("an account is rotated by an admin, and one that changes itself from its first password on", async () => {
  const { id } = await entry("operator", undefined, target());
  await expect(rotate(id)).resolves.toMatchObject({ action: "rotated", version: 1 });
  await expect(inForce(id, "operator")).resolves.toBe("1 current");
  device.give("backup", BEFORE);
  const first = await entry("first-backup", BEFORE);
  const own = await entry("backup", undefined, target({ adminRef: undefined, initialRef: referenceTo(first) }));
  await expect(rotate(own.id)).resolves.toMatchObject({ action: "rotated" });
  await expect(rotate(own.id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 2 });
  await expect(inForce(own.id, "backup")).resolves.toBe("2 current");
  expect([device.refusedLogins("operator"), device.refusedLogins("backup")]).toEqual([0, 1]); // the first one, proven so
});

test("a value that the switch refuses is discarded and another drawn, three times at most", async () => {
  programs.add("picky", `exit 113`);
  const { id } = await entry("operator", BEFORE, target({ set: { argv: ["picky"] } }));
  await expect(rotate(id)).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
  const { versions } = await vault.readCredential(id);
  expect(versions.map(({ state }) => state)).toEqual(["current", "discarded", "discarded", "discarded"]);
});

describe("a program that", () => {
  test("does nothing and says yes is found by the proof", async () => {
    programs.add("lazy", "exit 0");
    const { id } = await entry("operator", BEFORE, target({ set: { argv: ["lazy"] } }));
    await expect(rotate(id)).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    await expect(inForce(id, "operator")).resolves.toBe("1 current");
    const { journal } = await vault.readCredential(id);
    expect(journal.attention).toMatchObject({ reason: "set-but-refused" });
    expect(device.refusedLogins("operator")).toBe(1);
  });

  test("prints the value, on both streams and in every form, gives it to nobody", async () => {
    const print = 'process.stdin.on("data", (d) => { const { password: p } = JSON.parse(d);';
    const forms = "[[...p].join(' '), encodeURIComponent(p), Buffer.from(p).toString('base64'), p]";
    const say = `for (const f of ${forms}) { console.log(f); console.error(f); } process.exit(EXIT); });`;
    for (const [name, exitCode] of [
      ["chatty-no", 114],
      ["chatty-crash", 1],
      ["chatty-value", 113],
    ] as const) {
      const program = `#!/usr/bin/env node\n${print}${say.replace("EXIT", String(exitCode))}\n`;
      programs.add(name, program);
      const credential = await entry(`user-${name}`, BEFORE, target({ set: { argv: [name] } }));
      device.give(`user-${name}`, BEFORE);
      const error: unknown = await rotate(credential.id).catch((problem: unknown) => problem);
      expect(error).toMatchObject({ name: "CoffreError" });
      const said = await everythingSaid(error);
      const { versions } = await vault.readCredential(credential.id);
      for (const { number } of versions.slice(1)) {
        const [answer] = await vault.readMany([{ id: credential.id, version: number }]);
        if (answer === undefined || answer instanceof Error) throw new Error("no answer");
        const value = answer.value.reveal();
        for (const form of [value, encodeURIComponent(value), Buffer.from(value).toString("base64")]) {
          expect(said).not.toContain(form);
        }
      }
    }
  }, 40_000);

  test("hangs leaves the version pending, and the next run finishes it", async () => {
    programs.add("sometimes", "exec sleep 60");
    const declared = target({ set: { argv: ["sometimes"] }, limits: { setMs: 300 } });
    const { id } = await entry("operator", BEFORE, declared);
    await expect(rotate(id)).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(inForce(id, "operator")).resolves.toBe("1 current");
    programs.add("sometimes", `exec '${SWITCH_PROGRAMS}/switch.mjs'`);
    const { targets } = await vault.readCredential(id);
    await vault.updateCredential(id, {
      targets: targets.map((record) => ({ ...record, description: { ...record.description, limits: {} } })),
    });
    await expect(rotate(id)).resolves.toMatchObject({ action: "finished", version: 2 });
    await expect(inForce(id, "operator")).resolves.toBe("2 current");
    expect(device.refusedLogins("operator")).toBe(0);
  });

  test("sets, and then breaks, is set again; where that may do harm the proof is asked first", async () => {
    programs.add("breaks-after", `'${SWITCH_PROGRAMS}/switch.mjs' && exit 1`);
    for (const repeatable of [true, false]) {
      const name = `user-${String(repeatable)}`;
      device.give(name, BEFORE);
      const { id } = await entry(name, BEFORE, target({ set: { argv: ["breaks-after"] }, repeatable }));
      await expect(rotate(id)).rejects.toMatchObject({ code: "UNREACHABLE" });
      await expect(inForce(id, name)).resolves.toBe("2 pending");
      const sets = () => device.log.filter((line) => line === `${ADMIN.name}: username ${name} secret`).length;
      expect(sets()).toBe(repeatable ? 2 : 1);
      if (!repeatable) {
        await expect(rotate(id)).resolves.toMatchObject({ action: "finished", version: 2 });
        expect(sets()).toBe(1);
      }
      expect(device.refusedLogins(name)).toBe(0);
    }
  });
});

test("an admin's stale password is sent once, for however many accounts, and counted", async () => {
  device.give(ADMIN.name, "changed by hand", { privileged: true });
  const run = context();
  const codes: unknown[] = [];
  for (let number = 0; number < 4; number++) {
    device.give(`user${String(number)}`, BEFORE);
    const { id } = await entry(`user${String(number)}`, BEFORE, target());
    await rotate(id, "cause:1", run).catch((error: { code?: string }) => codes.push(error.code));
  }
  expect(codes).toHaveLength(4);
  expect(codes[0]).toBe("LOGIN_REFUSED");
  expect(device.refusedLogins(ADMIN.name)).toBe(1);
  const { id } = await entry("operator", BEFORE, target());
  await expect(rotate(id)).rejects.toMatchObject({ code: "NEEDS_ATTENTION" }); // the admin's own
  expect(device.refusedLogins(ADMIN.name)).toBe(1);
});

test("where programs aren't allowed nothing is drawn", async () => {
  const { id } = await entry("operator", BEFORE, target());
  const { folder } = programs;
  delete process.env["COFFRE_COMMANDS"];
  try {
    const problem = expect.stringContaining("COFFRE_COMMANDS isn't set");
    await expect(rotate(id)).rejects.toMatchObject({ code: "CONFIGURATION", problem });
  } finally {
    process.env["COFFRE_COMMANDS"] = folder;
  }
  const { versions, journal } = await vault.readCredential(id);
  expect(versions.map(({ state }) => state)).toEqual(["current"]);
  expect(journal.pending).toBeUndefined();
});
