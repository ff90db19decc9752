import type { TargetDriver } from "../port.js";
import { parsePostgresTarget, targetOf } from "./schema.js";
import { openSession } from "./session.js";
import { proveAt } from "./verify.js";

/** PostgreSQL 10 and newer. What it does and why is told in docs/targets/postgres.md. */
export const postgresDriver: TargetDriver = {
  kind: "postgres",
  parse: parsePostgresTarget,
  connect: openSession,
  verify: async (spec, password, address, signal) => proveAt(spec, targetOf(spec), password, address, signal),
};

export { PostgresTarget, type PostgresTargetArgs } from "./schema.js";
