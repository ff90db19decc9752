import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { closeRotationContext, createRotationContext, type RotationContext } from "../../provider/rotation/context.js";
import { type ReachOptions, reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import type { SetResult, TargetDriver } from "../../provider/target/port.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import {
  type HostOptions,
  type HostUser,
  type LinuxHost,
  type LinuxHosts,
  opensshLogsIn,
  startHosts,
} from "../fixtures/linux-hosts.js";
import { referenceTo } from "../fixtures/rotation-scene.js";
import { ADMIN } from "./linux-harness.js";

const USERS: HostUser[] = [ADMIN, { name: "deploy", password: "what it was before" }];
/** Waits for nothing: pauses before a machine is tried again are no part of these tests. */
const clock = { ...systemClock, sleep: async () => {} };

let hosts: LinuxHosts;
let vault: Vault;
let adminRef: string;
let contexts: RotationContext[];

beforeAll(async () => {
  hosts = await startHosts({ count: 0 });
}, 120_000);
afterAll(() => hosts.stop());
beforeEach(async () => {
  vault = createMemoryVault({ name: "scene", clock, actor: "test", source: "test" });
  contexts = [];
  adminRef = await add(ADMIN.name, ADMIN.password);
});
afterEach(async () => {
  await Promise.all(contexts.map(closeRotationContext));
});

async function add(name: string, password: string): Promise<string> {
  const initial = { value: new Secret(password), causes: [] };
  const [credential] = await vault.createCredentials([{ name, username: name, categoryId: null, initial }]);
  return referenceTo(credential ?? { id: "" });
}

/** A fresh run, as another process would make it. */
function run(id: string, cause: string, how: { driver?: TargetDriver } & ReachOptions = {}) {
  const { driver = linuxDriver, ...options } = how;
  const context = createRotationContext({ vault, drivers: [driver], clock });
  contexts.push(context);
  return reachCauses(context, id, [cause], options);
}

async function targetsOf(machines: readonly LinuxHost[], more: Record<string, unknown>) {
  const targets = machines.map(({ address, port, hostKey }) => {
    const trust = more["trustOnFirstUse"] === true ? {} : { hostKey };
    const way = "initialRef" in more ? {} : { adminRef };
    return { kind: "linux", host: address, port, ...trust, ...way, ...more };
  });
  const context = createRotationContext({ vault, drivers: [linuxDriver], clock });
  return prepareTargets(context, { targets, username: "deploy" });
}

/** The entry of `deploy`, on one machine or several. @returns its id */
async function deployOn(machines: readonly LinuxHost[], more: Record<string, unknown> = {}): Promise<string> {
  const targets = await targetsOf(machines, more);
  const [credential] = await vault.createCredentials([{ name: "web", username: "deploy", categoryId: null, targets }]);
  return credential?.id ?? "";
}

async function value(id: string, version: "current" | "pending" | "previous" = "current"): Promise<string> {
  const [answer] = await vault.readMany([{ id, version }]);
  if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
  return answer.value.reveal();
}

async function versions(id: string): Promise<string> {
  return (await vault.readCredential(id)).versions.map(({ number, state }) => `${String(number)} ${state}`).join(", ");
}

const another = (options: HostOptions = {}) => hosts.add({ users: USERS, ...options });
const logsIn = ({ address, port, hostKey }: LinuxHost, password: string) =>
  opensshLogsIn({ address, port, hostKey, username: "deploy", password });

describe("a rotation on real machines", () => {
  test("sets and proves one password on several, and nothing is refused on the way", async () => {
    const machines = [await another(), await another()];
    const id = await deployOn(machines);
    await run(id, "cause:1");
    expect((await vault.readCredential(id)).versions).toMatchObject([{ state: "current", verified: true }]);
    for (const machine of machines) {
      await expect(machine.refusedLogins()).resolves.toBe(0);
      await expect(logsIn(machine, await value(id))).resolves.toBe(true);
      await expect(logsIn(machine, "what it was before")).resolves.toBe(false);
    }
  });

  test("whose machine dies between set and proof is finished when it is back, with the same password", async () => {
    const machine = await another();
    const id = await deployOn([machine]);
    const driver: TargetDriver = {
      ...linuxDriver,
      verify: async (...args) => {
        await machine.kill();
        return linuxDriver.verify(...args);
      },
    };
    await expect(run(id, "cause:1", { driver })).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(await versions(id)).toBe("1 pending");
    const pending = await value(id, "pending");
    await machine.start();
    await expect(run(id, "cause:1")).resolves.toMatchObject({ action: "finished", version: 1 });
    expect(await value(id)).toBe(pending);
    await expect(logsIn(machine, pending)).resolves.toBe(true);
    await expect(machine.refusedLogins()).resolves.toBe(0);
  });
});

/** A run that ends in the middle of its set, which `act` carries out or doesn't. */
function dyingInSet(act: (set: () => Promise<SetResult>) => Promise<unknown> | undefined): TargetDriver {
  const connect: TargetDriver["connect"] = async (...args) => {
    const session = await linuxDriver.connect(...args);
    const set = session.set.bind(session);
    session.set = async (...change) => {
      await act(() => set(...change));
      throw new Error("killed");
    };
    return session;
  };
  return { ...linuxDriver, connect };
}

describe("PAM that refuses the new password", () => {
  test("at the first set has three drawn, and then a person asked; the old one still works", async () => {
    const machine = await another({ pam: { quality: "minlen=60 enforce_for_root" } });
    const id = await deployOn([machine]);
    await expect(run(id, "cause:1")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(await versions(id)).toBe("1 discarded, 2 discarded, 3 discarded");
    expect((await vault.readCredential(id)).journal.attention).toMatchObject({ reason: "draws-exhausted" });
    await expect(logsIn(machine, "what it was before")).resolves.toBe(true);
    await expect(machine.refusedLogins()).resolves.toBe(0);
  });

  test("as used before, at a resume, since it is in force already, is finished by a login with it", async () => {
    const machine = await another({ pam: { history: 5 } });
    const id = await deployOn([machine]);
    await expect(run(id, "cause:1", { driver: dyingInSet((set) => set()) })).rejects.toThrow("killed");
    const pending = await value(id, "pending");
    await expect(run(id, "cause:1")).resolves.toMatchObject({ action: "finished", version: 1 });
    expect(await value(id)).toBe(pending);
    await expect(machine.refusedLogins()).resolves.toBe(0);
  });

  test("at a resume, though it isn't in force, is a person's to decide: nothing is drawn and nothing lost", async () => {
    const machine = await another();
    const id = await deployOn([machine]);
    await expect(run(id, "cause:1", { driver: dyingInSet(() => undefined) })).rejects.toThrow("killed");
    await machine.must(
      'sed -i "1i password requisite pam_pwquality.so minlen=60 enforce_for_root" /etc/pam.d/common-password',
    );
    await expect(run(id, "cause:1")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(await versions(id)).toBe("1 pending");
    expect((await vault.readCredential(id)).journal.attention).toMatchObject({ reason: "value-refused" });
    await expect(machine.refusedLogins()).resolves.toBe(1);
    await expect(logsIn(machine, "what it was before")).resolves.toBe(true);
  });
});

test("an admin whose password is stale is tried once, though sshd hangs up on it, and then closed for everybody", async () => {
  const machine = await another({ sshd: ["MaxAuthTries 1"] });
  const initial = { value: new Secret("not the keeper's"), causes: [] };
  const entry = { name: "stale", username: ADMIN.name, categoryId: null, initial };
  const [stale] = await vault.createCredentials([entry]);
  const waitFor = { timeoutSeconds: 20 };
  const id = await deployOn([machine], { adminRef: referenceTo(stale ?? { id: "" }), waitFor });
  for (const _time of [1, 2]) await expect(run(id, "cause:1")).rejects.toThrow();
  await expect(machine.refusedLogins()).resolves.toBe(1);
});

describe("a host key that is trusted on first use", () => {
  test("is kept with an event; another one is refused, until the machine is declared to be another", async () => {
    const machine = await another();
    const id = await deployOn([machine], { trustOnFirstUse: true });
    await run(id, "cause:1");
    const [target] = (await vault.readCredential(id)).targets;
    expect(target?.pin).toMatch(/^ssh-ed25519 SHA256:/);
    const details: unknown[] = [];
    for await (const { action, detail } of vault.listEvents({ credentialId: id }))
      if (action === "target.pinned") details.push(detail);
    expect(details).toEqual([`${target?.account ?? ""} ${target?.pin ?? ""}`]);
    await run(id, "cause:2");

    await machine.recreate({ users: USERS });
    await expect(run(id, "cause:3")).rejects.toMatchObject({ code: "HOST_KEY_NOT_TRUSTED" });
    expect(await versions(id)).toBe("1 previous, 2 current");
    const targets = await targetsOf([machine], { trustOnFirstUse: true, identity: "vm-2" });
    await run(id, "targets:vm-2", { change: { targets } });
    expect((await vault.readCredential(id)).targets[0]?.pin).not.toBe(target?.pin);
    await expect(logsIn(machine, await value(id))).resolves.toBe(true);
  });
});

test("a host key that one credential has learned holds the others of that machine, unless it is declared to be another", async () => {
  const users = [...USERS, { name: "ops", password: "what it was before" }];
  const machine = await another({ users });
  await run(await deployOn([machine], { trustOnFirstUse: true }), "cause:1");
  await machine.recreate({ users });
  const second = async (name: string, more: Record<string, unknown>) => {
    const { address: host, port } = machine;
    const target = { kind: "linux", host, port, adminRef, trustOnFirstUse: true, ...more };
    const context = createRotationContext({ vault, drivers: [linuxDriver], clock });
    const targets = await prepareTargets(context, { targets: [target], username: "ops" });
    const [credential] = await vault.createCredentials([{ name, username: "ops", categoryId: null, targets }]);
    return credential?.id ?? "";
  };
  const id = await second("held", {});
  const error = { code: "HOST_KEY_NOT_TRUSTED", problem: expect.stringContaining("first use by web") as unknown };
  await expect(run(id, "cause:1")).rejects.toMatchObject(error);
  await expect(machine.refusedLogins()).resolves.toBe(0);
  await vault.archiveCredential(id, {});
  await expect(run(await second("anew", { identity: "vm-2" }), "cause:1")).resolves.toMatchObject({ version: 1 });
});

describe("a password that a machine came with", () => {
  test.each([
    ["and may keep", {}],
    ["and must change at once", { mustChange: true }],
  ])("%s is used once, and refused from then on", async (_what, more) => {
    const machine = await another({ users: [{ name: "deploy", password: "factory-Default-1", ...more }] });
    const initialRef = await add("factory", "factory-Default-1");
    const id = await deployOn([machine], { initialRef });
    await run(id, "cause:1");
    await expect(machine.refusedLogins()).resolves.toBe(1); // the proof
    await expect(logsIn(machine, await value(id))).resolves.toBe(true);
    await expect(logsIn(machine, "factory-Default-1")).resolves.toBe(false);
    const factory = await vault.readCredential(initialRef.replace("coffre://scene/id/", ""));
    expect(factory).toMatchObject({ supersededBy: id });
    await run(id, "cause:2");
    await expect(logsIn(machine, await value(id))).resolves.toBe(true);
    await expect(machine.refusedLogins()).resolves.toBe(2); // and ours above
  });

  test("goes on where the machine was made anew while its first set was in doubt, though its key isn't known yet", async () => {
    const machine = await another();
    const more = { initialRef: await add("factory", "what it was before"), trustOnFirstUse: true };
    const id = await deployOn([machine], { ...more, identity: "vm-1" });
    await expect(run(id, "cause:1", { driver: dyingInSet((set) => set()) })).rejects.toThrow("killed");
    await machine.recreate({ users: USERS });
    const targets = await targetsOf([machine], { ...more, identity: "vm-2" });
    await run(id, "cause:1", { change: { targets } });
    await expect(machine.refusedLogins()).resolves.toBe(2); // the pending one before, the first one after
    await expect(logsIn(machine, await value(id))).resolves.toBe(true);
    expect((await vault.readCredential(id)).versions).toMatchObject([{ number: 1, state: "current", verified: true }]);
  });

  test("is known to be replaced where only the identity is another, while the set was in doubt", async () => {
    const machine = await another();
    const more = { initialRef: await add("factory", "what it was before"), trustOnFirstUse: true };
    const id = await deployOn([machine], { ...more, identity: "vm-1" });
    await expect(run(id, "cause:1", { driver: dyingInSet((set) => set()) })).rejects.toThrow("killed");
    const targets = await targetsOf([machine], { ...more, identity: "vm-2" });
    await run(id, "cause:1", { change: { targets } });
    await expect(machine.refusedLogins()).resolves.toBe(1); // the proof
    await expect(logsIn(machine, await value(id))).resolves.toBe(true);
    expect((await vault.readCredential(id)).versions).toMatchObject([{ number: 1, state: "current", verified: true }]);
  });

  test("that nobody verifies is replaced although the answer was lost: passwd takes no value twice", async () => {
    const machine = await another();
    const initialRef = await add("factory", "what it was before");
    const id = await deployOn([machine], { initialRef, verify: "none" });
    await expect(run(id, "cause:1", { driver: dyingInSet((set) => set()) })).rejects.toThrow("killed");
    const pending = await value(id, "pending");
    await expect(run(id, "cause:1")).resolves.toMatchObject({ action: "finished", version: 1 });
    expect(await value(id)).toBe(pending);
    await expect(logsIn(machine, pending)).resolves.toBe(true);
    await expect(machine.refusedLogins()).resolves.toBe(0);
  });
});
