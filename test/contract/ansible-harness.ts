import { resolve } from "node:path";
import { ansibleDriver } from "../../provider/target/ansible/driver.js";
import { ensureAnsible } from "../../tools/ansible/environment.ts";
import { startHosts } from "../fixtures/linux-hosts.js";
import { ADMIN, LinuxHarness } from "./linux-harness.js";

/** The playbooks that come with Coffre. */
const PLAYBOOKS = resolve(import.meta.dirname, "../../ansible/playbooks/targets");

/** A real machine whose accounts the playbooks change, over SSH. */
export class AnsibleHarness extends LinuxHarness {
  override readonly driver = ansibleDriver;
  /** Ansible has to begin first. */
  readonly quickMs = 30_000;

  /** Ansible goes on PATH, and its playbooks are allowed, for the process of this suite. */
  static async start(): Promise<AnsibleHarness> {
    const bin = await ensureAnsible((line) => process.stderr.write(`${line}\n`));
    process.env["PATH"] = `${bin}:${process.env["PATH"] ?? ""}`;
    process.env["COFFRE_PLAYBOOKS"] = PLAYBOOKS;
    const files = { "/etc/sudoers.d/log": "Defaults logfile=/var/log/sudo.log\n" };
    return new AnsibleHarness(await startHosts({ users: [ADMIN], files, sshd: ["LogLevel VERBOSE"] }));
  }

  override description({ create = false } = {}): Record<string, unknown> {
    const { address, port, hostKey } = this.host;
    return {
      host: address,
      port,
      look: "look.yml",
      playbook: "set-password.yml",
      remove: "remove.yml",
      verify: { ssh: { hostKey } },
      inventory: { machine: { host: address, port, hostKey } },
      admin: { username: ADMIN.name, passwordEnv: "NOT_READ_HERE" },
      ...(create ? { account: { create } } : {}),
    };
  }

  override elsewhere(port: number): Record<string, unknown> {
    const { hostKey } = this.host;
    const inventory = { machine: { host: "127.0.0.1", port, hostKey } };
    return { ...this.description(), host: "127.0.0.1", port, inventory };
  }
}
