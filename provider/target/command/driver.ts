import type { TargetDriver } from "../port.js";
import { programs } from "./request.js";
import { parseCommandTarget } from "./schema.js";
import { openSession } from "./session.js";
import { proveAt } from "./verify.js";

/** Any device, by programs of the operator's own. What it does and why is told in docs/targets/command.md. */
export const commandDriver: TargetDriver = {
  kind: "command",
  parse: parseCommandTarget,
  connect: (spec, login, signal) => openSession(programs, spec, login, signal),
  verify: (spec, password, address, signal) => proveAt(programs, spec, password, address, signal),
};

export { CommandTarget, type CommandTargetArgs } from "./schema.js";
