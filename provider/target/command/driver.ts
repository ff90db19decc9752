import type { TargetDriver } from "../port.js";
import { CommandTarget, parseCommandTarget } from "./schema.js";
import { openSession } from "./session.js";
import { proveAt } from "./verify.js";

/** Any device, by programs of the operator's own. What it does and why is told in docs/targets/command.md. */
export const commandDriver: TargetDriver = {
  kind: "command",
  parse: parseCommandTarget,
  connect: openSession,
  verify: async (spec, password, address, signal) =>
    proveAt(spec, CommandTarget.parse(spec.description), password, address, signal),
};

export { CommandTarget, type CommandTargetArgs } from "./schema.js";
