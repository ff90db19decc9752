import { randomBytes } from "node:crypto";
import { Secret } from "../../provider/core/secret.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import { LinuxSystem } from "./linux-system.ts";
import { addEntry, one } from "./one-account.ts";
import type { Place, Scenario, Subject } from "./scenarios.ts";
import type { System } from "./system.ts";
import type { World } from "./world.ts";

/** Rotations of accounts of Linux machines, each point on a machine of its own. */
export const LINUX_SCENARIOS = {
  /** A trigger changed; an admin logs in by a key and uses sudo. */
  "linux-by-key": scenario(async ({ system, name, add }) => {
    const password = await system.addAccount(name);
    const id = await add(system.byKey, password);
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  }),

  /** An account is created. */
  "linux-new-account": scenario(async ({ system, name, add }) => {
    const id = await add({ ...system.byKey, account: { create: true } });
    return one({ id, user: name, causes: ["cause:1"], versions: 1 });
  }),

  /** A trigger changed; the account logs in with its own password and changes it. */
  "linux-by-itself": scenario(async ({ system, name, add }) => {
    const password = await system.addAccount(name);
    const id = await add({}, password);
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  }),

  /** A machine's first password, known to an entry of its own, is replaced. */
  "linux-first-boot": scenario(async ({ world, system, name, add }) => {
    const before = await system.addAccount(name);
    const boot = await world.add({ name: `${name}-boot`, initial: { value: new Secret(before), causes: [] } });
    const id = await add({ initialRef: world.referenceTo(boot.id) });
    return { ...one({ id, user: name, before, causes: ["cause:1"], versions: 1 }), expectedRefusals: 1 };
  }),
};

interface Scene {
  world: World;
  system: LinuxSystem;
  name: string;
  /** Makes the entry; with a password it has a current version already. */
  add: (admin: Record<string, unknown>, password?: string) => Promise<string>;
}

function scenario(prepare: (scene: Scene) => Promise<Subject>): Scenario {
  return {
    open: (world) => LinuxSystem.start(world),
    prepare: (world, opened: System, name: string, place: Place) => {
      const system = opened as LinuxSystem; // what `open` gave
      const add = (admin: Record<string, unknown>, password?: string) =>
        addEntry(world, linuxDriver, { name, declared: { ...place, hostKey: system.hostKey, ...admin }, password });
      return prepare({ world, system, name, add });
    },
  };
}

/** A password that Debian's PAM takes from its owner. */
export function newPassword(): string {
  return randomBytes(18).toString("base64url");
}
