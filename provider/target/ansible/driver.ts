import { openSession } from "../command/session.js";
import { proveAt } from "../command/verify.js";
import { linuxDriver } from "../linux/driver.js";
import type { TargetDriver, TargetSpec } from "../port.js";
import { AnsibleTarget, parseAnsibleTarget } from "./schema.js";

/** Loaded where a playbook is to run, since every command that rotates has this driver. */
const playbooks = async () => (await import("./request.js")).playbooks;

/** Accounts that playbooks of the operator's own change. What it does and why is told in docs/targets/ansible.md. */
export const ansibleDriver: TargetDriver = {
  kind: "ansible",
  parse: parseAnsibleTarget,
  connect: async (spec, login, signal) => openSession(await playbooks(), spec, login, signal),
  async verify(spec, password, address, signal) {
    const { verify } = AnsibleTarget.parse(spec.description);
    if (verify !== "none" && "ssh" in verify) {
      return linuxDriver.verify(overSsh(spec, verify.ssh.hostKey), password, address, signal);
    }
    return proveAt(await playbooks(), spec, password, address, signal);
  },
};

/** The same account as the driver for Linux proves it: by one login with the password alone. */
function overSsh({ username, verifyAddresses, address, limits }: TargetSpec, hostKey: string): TargetSpec {
  const { host, port } = verifyAddresses[0] ?? address;
  return { ...linuxDriver.parse({ host, port, hostKey }, username), limits };
}

export { AnsibleTarget, type AnsibleTargetArgs } from "./schema.js";
