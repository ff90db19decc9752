import type { TargetDriver } from "../port.js";
import { LinuxTarget, parseLinuxTarget } from "./schema.js";
import { openSession } from "./session.js";
import { proveAt } from "./verify.js";

/** Accounts of Linux machines, over SSH. What it does and why is told in docs/targets/linux.md. */
export const linuxDriver: TargetDriver = {
  kind: "linux",
  parse: parseLinuxTarget,
  connect: openSession,
  verify: async (spec, password, address, signal) =>
    proveAt(spec, LinuxTarget.parse(spec.description), password, address, signal),
};

export { LinuxTarget, type LinuxTargetArgs } from "./schema.js";
