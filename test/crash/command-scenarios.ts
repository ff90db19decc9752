import { commandDriver } from "../../provider/target/command/driver.js";
import { CommandSystem } from "./command-system.ts";
import { addEntry, one } from "./one-account.ts";
import type { Place, Scenario, Subject } from "./scenarios.ts";
import type { System } from "./system.ts";

/** Rotations of accounts of a switch by a program that talks with it, each point on a switch of its own. */
export const COMMAND_SCENARIOS = {
  /** A trigger changed; the admin's password is in a file. */
  "command-by-file": scenario(async ({ system, name, add }) => {
    const id = await add(system.byFile, system.addAccount(name));
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  }),

  /** The same where a set may not be repeated, so that one in doubt is found out by a proof. */
  "command-once": scenario(async ({ system, name, add }) => {
    const id = await add({ ...system.byFile, repeatable: false }, system.addAccount(name));
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  }),

  /** An account is created. */
  "command-new-account": scenario(async ({ system, name, add }) => {
    const id = await add({ ...system.byFile, account: { create: true } });
    return one({ id, user: name, causes: ["cause:1"], versions: 1 });
  }),

  /** A trigger changed; the account logs in with its own password and changes it. */
  "command-by-itself": scenario(async ({ system, name, add }) => {
    const id = await add({}, system.addAccount(name));
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  }),
};

interface Scene {
  system: CommandSystem;
  name: string;
  /** Makes the entry; with a password it has a current version already. */
  add: (declared: Record<string, unknown>, password?: string) => Promise<string>;
}

function scenario(prepare: (scene: Scene) => Promise<Subject>): Scenario {
  return {
    open: (world) => CommandSystem.start(world),
    prepare: (world, opened: System, name: string, place: Place) => {
      const system = opened as CommandSystem; // what `open` gave
      const add = (declared: Record<string, unknown>, password?: string) =>
        addEntry(world, commandDriver, { name, declared: { ...place, ...system.programs, ...declared }, password });
      return prepare({ system, name, add });
    },
  };
}
