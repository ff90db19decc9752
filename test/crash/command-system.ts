import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isMadeOf, Switch } from "../../examples/network-switch/device/switch.ts";
import { FOLDER_VARIABLE } from "../../provider/target/command/programs.js";
import { talk } from "../fixtures/switch-talk.ts";
import type { System } from "./system.ts";
import type { World } from "./world.ts";

const ADMIN = "crash_admin";
const COMMAND = { argv: ["switch.mjs"] };

/** What a process that rotates needs in its environment. */
export const COMMAND_ENVIRONMENT = {
  [FOLDER_VARIABLE]: resolve(import.meta.dirname, "../../examples/network-switch/commands"),
};

/** A switch for one point, which counts the logins that it refuses, and the example's program that talks with it. */
export class CommandSystem implements System {
  readonly #device: Switch;
  readonly #adminFile: string;

  private constructor(device: Switch, adminFile: string) {
    this.#device = device;
    this.#adminFile = adminFile;
  }

  static async start(world: World): Promise<CommandSystem> {
    const device = await Switch.start();
    const adminFile = join(world.folder, `switch-admin-${String(device.port)}`);
    const password = newPassword();
    await writeFile(adminFile, password, { mode: 0o600 });
    device.give(ADMIN, password, { privileged: true });
    return new CommandSystem(device, adminFile);
  }

  get address(): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.#device.port };
  }

  /** The part of a target's description that names the programs. */
  get programs() {
    return { look: COMMAND, set: COMMAND, verify: COMMAND, repeatable: true };
  }

  /** The part that says who sets it. */
  get byFile() {
    return { admin: { username: ADMIN, passwordFile: this.#adminFile } };
  }

  /** @returns its password */
  addAccount(name: string): string {
    const password = newPassword();
    this.#device.give(name, password);
    return password;
  }

  async verifiers(users: readonly string[]): Promise<Map<string, string | undefined>> {
    const kept = [...this.#device.users].filter(([name]) => users.includes(name));
    return new Map(kept.map(([name, { hash }]) => [name, hash]));
  }

  isMadeOf(verifier: string, password: string): boolean {
    return isMadeOf(verifier, password);
  }

  async logsIn(user: string, password: string): Promise<boolean> {
    return (await talk(this.#device.port, [user, password, "exit"])).includes("Welcome");
  }

  /** The admin's too: nobody else logs in as it. */
  async refusedLogins(user: string): Promise<number> {
    return this.#device.refusedLogins(user) + this.#device.refusedLogins(ADMIN);
  }

  close(): Promise<void> {
    return this.#device.stop();
  }
}

function newPassword(): string {
  return randomBytes(18).toString("base64url");
}
