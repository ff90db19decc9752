import { openSession } from "../command/session.js";
import { proveAt } from "../command/verify.js";
import { linuxDriver } from "../linux/driver.js";
import type { TargetDriver, TargetSpec } from "../port.js";
import { playbooks } from "./request.js";
import { AnsibleTarget, parseAnsibleTarget } from "./schema.js";

/** Accounts that playbooks of the operator's own change. What it does and why is told in docs/targets/ansible.md. */
export const ansibleDriver: TargetDriver = {
  kind: "ansible",
  parse: parseAnsibleTarget,
  connect: (spec, login, signal) => openSession(playbooks, spec, login, signal),
  verify: (spec, password, address, signal) => {
    const { verify } = AnsibleTarget.parse(spec.description);
    if (verify === "none" || "playbook" in verify) return proveAt(playbooks, spec, password, address, signal);
    return linuxDriver.verify(overSsh(spec, verify.ssh.hostKey), password, address, signal);
  },
};

/** The same account as the driver for Linux proves it: by one login with the password alone. */
function overSsh({ username, verifyAddresses, address, limits }: TargetSpec, hostKey: string): TargetSpec {
  const { host, port } = verifyAddresses[0] ?? address;
  return { ...linuxDriver.parse({ host, port, hostKey }, username), limits };
}

export { AnsibleTarget, type AnsibleTargetArgs } from "./schema.js";
