import { resolve } from "node:path";
import { Switch } from "../../examples/network-switch/device/switch.ts";
import { Secret } from "../../provider/core/secret.js";
import { commandDriver } from "../../provider/target/command/driver.js";
import type { TargetLogin } from "../../provider/target/port.js";
import { talk } from "../fixtures/switch-talk.ts";
import { Programs } from "./command-programs.ts";
import type { TargetHarness } from "./target-contract.js";

const ADMIN = { username: "netadmin", password: "the admin's first password" };
const COMMAND = { argv: ["switch.mjs"] };

/** The programs of the example, which the suite allows itself to run. */
export const SWITCH_PROGRAMS = resolve(import.meta.dirname, "../../examples/network-switch/commands");

/** What a target on the switch declares, whoever sets it. */
export function switchTarget(host: string, port: number): Record<string, unknown> {
  return { host, port, look: COMMAND, set: COMMAND, verify: COMMAND, remove: COMMAND, repeatable: true };
}

/** A switch with a dialogue, and the example's program that speaks it. */
export class CommandHarness implements TargetHarness {
  readonly driver = commandDriver;
  readonly admin: TargetLogin = { username: ADMIN.username, password: new Secret(ADMIN.password), self: false };
  /** A program has to start first, which takes its time on a busy machine. */
  readonly quickMs = 2_500;
  readonly device: Switch;
  readonly #programs = new Programs(SWITCH_PROGRAMS);

  private constructor(device: Switch) {
    this.device = device;
  }

  static async start(): Promise<CommandHarness> {
    const device = await Switch.start();
    device.give(ADMIN.username, ADMIN.password, { privileged: true });
    return new CommandHarness(device);
  }

  description({ create = false } = {}): Record<string, unknown> {
    const admin = { username: ADMIN.username, passwordEnv: "NOT_READ_HERE" };
    return { ...switchTarget("127.0.0.1", this.device.port), admin, ...(create ? { account: { create } } : {}) };
  }

  elsewhere(port: number): Record<string, unknown> {
    return { ...this.description(), port };
  }

  async makeAccount(name: string, password: string): Promise<void> {
    this.device.give(name, password);
  }

  async accountExists(name: string): Promise<boolean> {
    return this.device.users.has(name);
  }

  async canLogIn(name: string, password: string): Promise<boolean> {
    return (await talk(this.device.port, [name, password, "exit"])).includes("Welcome");
  }

  async refusedLogins(name: string): Promise<number> {
    return this.device.refusedLogins(name);
  }

  async writeDown(text: string): Promise<void> {
    await talk(this.device.port, [ADMIN.username, ADMIN.password, `send log ${text}`, "exit"]);
  }

  async log(): Promise<string> {
    return this.device.log.join("\n");
  }

  async stop(): Promise<void> {
    this.#programs.close();
    await this.device.stop();
  }
}
