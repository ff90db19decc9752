import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Secret } from "../../provider/core/secret.js";
import { writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import { type MariadbServer, startMariadb } from "../../tools/mariadb/server.ts";
import type { World } from "./world.ts";

/** A server, and the admin of its accounts: the vault has its password, and a file too. */
export interface Mariadb {
  server: MariadbServer;
  adminRef: string;
  adminFile: string;
}

export const MARIADB_ADMIN = "crash_keeper";

/** Starts the server, whose admin has the rights that docs/targets/mysql.md names. */
export async function startCrashMariadb(world: World): Promise<Mariadb> {
  const server = await startMariadb({ settings: { "max-connections": "400" } });
  const password = newMariadbPassword();
  await server.query(`CREATE USER ${MARIADB_ADMIN} IDENTIFIED BY '${password}'`);
  await server.query(`GRANT CREATE USER ON *.* TO ${MARIADB_ADMIN}`);
  for (const table of ["global_priv", "roles_mapping"])
    await server.query(`GRANT SELECT ON mysql.${table} TO ${MARIADB_ADMIN}`);
  const adminFile = join(world.folder, "mariadb-admin-password");
  writeKeyFile(adminFile, new Secret(password));
  const initial = { value: new Secret(password), causes: [] };
  const { id } = await world.add({ name: MARIADB_ADMIN, username: MARIADB_ADMIN, initial });
  return { server, adminRef: world.referenceTo(id), adminFile };
}

export function newMariadbPassword(): string {
  return randomBytes(18).toString("base64url");
}
