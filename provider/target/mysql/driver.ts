import type { TargetDriver } from "../port.js";
import { MysqlTarget, parseMysqlTarget } from "./schema.js";
import { openSession } from "./session.js";
import { proveAt } from "./verify.js";

/** MariaDB. What it does and why, and what of MySQL, is told in docs/targets/mysql.md. */
export const mysqlDriver: TargetDriver = {
  kind: "mysql",
  parse: parseMysqlTarget,
  connect: openSession,
  verify: async (spec, password, address, signal) =>
    proveAt(spec, MysqlTarget.parse(spec.description), password, address, signal),
};

export { MysqlTarget, type MysqlTargetArgs } from "./schema.js";
