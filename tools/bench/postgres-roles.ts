import { Client, escapeIdentifier } from "pg";
import { Secret } from "../../provider/core/secret.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import type { Vault } from "../../provider/vault/port.js";
import type { PostgresServer } from "../postgres/server.ts";

/**
 * Makes roles on the server, and in the vault, which is called `bench`, a credential for each; their admin is the
 * superuser, whose password is in the vault too.
 * @param bare names of roles that no credential is made for
 * @returns the credentials' ids
 */
export async function prepareRoles(
  server: PostgresServer,
  vault: Vault,
  { count, bare = [] }: { count: number; bare?: readonly string[] },
): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `bench_${index}`);
  const admin = new Client(server.connection());
  await admin.connect();
  for (const name of [...bare, ...names]) await admin.query(`CREATE ROLE ${escapeIdentifier(name)} LOGIN`);
  await admin.end();
  const initial = { value: new Secret(server.password), causes: [] };
  const [dba] = await vault.createCredentials([{ name: "dba", categoryId: null, username: server.user, initial }]);
  const adminId = dba?.id ?? "";
  const made = await vault.createCredentials(
    names.map((name) => {
      const declared = { host: server.host, port: server.port, adminRef: `coffre://bench/id/${adminId}` };
      const { kind, account, description } = postgresDriver.parse(declared, name);
      const target = { kind, account, description, accountMade: false, adminId };
      return { name, categoryId: null, username: name, targets: [target] };
    }),
  );
  return made.map(({ id }) => id);
}
