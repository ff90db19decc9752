import { mysqlDriver } from "../../provider/target/mysql/driver.js";
import { MARIADB_ADMIN, newMariadbPassword } from "./mariadb.ts";
import { MysqlSystem } from "./mysql-system.ts";
import { addEntry, one } from "./one-account.ts";
import type { Place, Scenario, Subject } from "./scenarios.ts";
import type { System } from "./system.ts";

/** Rotations of MariaDB accounts, on one server. */
export const MYSQL_SCENARIOS = {
  /** A trigger changed; the admin is the vault's. */
  "mysql-by-reference": scenario(async ({ system, name, makeAccount, add }) => {
    const password = await makeAccount();
    const id = await add({ adminRef: system.mariadb.adminRef }, password);
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  }),

  /** An account is created, by an admin whose password is in a file. */
  "mysql-new-account": scenario(async ({ system, name, add }) => {
    const admin = { username: MARIADB_ADMIN, passwordFile: system.mariadb.adminFile };
    const id = await add({ admin, account: { create: true } });
    return one({ id, user: name, causes: ["cause:1"], versions: 1 });
  }),

  /** A trigger changed; the account logs in with its own password and changes it. */
  "mysql-by-itself": scenario(async ({ name, makeAccount, add }) => {
    const password = await makeAccount();
    const id = await add({}, password);
    return one({ id, user: name, causes: ["cause:2"], versions: 2 });
  }),
};

interface Scene {
  system: MysqlSystem;
  name: string;
  /** @returns its password */
  makeAccount: () => Promise<string>;
  /** Makes the entry; with a password it has a current version already. */
  add: (declared: Record<string, unknown>, password?: string) => Promise<string>;
}

function scenario(prepare: (scene: Scene) => Promise<Subject>): Scenario {
  return {
    open: async (world) => new MysqlSystem(await world.mariadb()),
    prepare: (world, opened: System, name: string, place: Place) => {
      const system = opened as MysqlSystem; // what `open` gave
      const makeAccount = async () => {
        const password = newMariadbPassword();
        await system.mariadb.server.query(`CREATE USER ${name} IDENTIFIED BY '${password}'`);
        return password;
      };
      const add = (declared: Record<string, unknown>, password?: string) =>
        addEntry(world, mysqlDriver, { name, declared: { ...place, ...declared }, password });
      return prepare({ system, name, makeAccount, add });
    },
  };
}
