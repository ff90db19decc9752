import { ansibleDriver } from "./ansible/driver.js";
import { commandDriver } from "./command/driver.js";
import { linuxDriver } from "./linux/driver.js";
import { mysqlDriver } from "./mysql/driver.js";
import type { TargetDriver } from "./port.js";
import { postgresDriver } from "./postgres/driver.js";

/** Every kind of target that this release can set and prove. */
export const allDrivers: readonly TargetDriver[] = [
  postgresDriver,
  mysqlDriver,
  linuxDriver,
  commandDriver,
  ansibleDriver,
];
