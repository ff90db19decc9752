import { expect, test } from "@jest/globals";
import pg from "pg";
import { startPostgres } from "../fixtures/postgres-server.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, currentValue, output, resourceNamed, versionsOf } from "./harness.ts";

const COUNT = 50;
/** One server at many addresses: each is a host of its own, with a budget of its own. */
const HOSTS = Array.from({ length: 10 }, (_, index) => `127.77.0.${String(index + 1)}`);
const CHANGED = ["role-7", "role-21", "role-44"];
const PROGRAM = `
const config = new pulumi.Config();
const databases = new coffre.Category("Databases");
for (const [index, host] of config.requireObject<string[]>("targets").entries()) {
  new coffre.Credential(\`role-\${index}\`, {
    categoryId: databases.id,
    username: \`role_\${index}\`,
    target: coffre.postgres({
      host, port: config.requireNumber("port"),
      admin: { username: "postgres", passwordEnv: "PG_ADMIN" }, account: { create: true },
    }),
  });
}
`;

test("a password changed on 3 of 50 targets is found by a refresh, reported, and mended by the next up", async () => {
  const server = await startPostgres({
    settings: { listen_addresses: ["127.0.0.1", ...HOSTS].join(","), log_statement: "ddl", max_connections: "100" },
  });
  const { project, vault } = await createVaultProject(PROGRAM);
  const roles = Array.from({ length: COUNT }, (_, index) => `role-${String(index)}`);
  const valuesNow = async () =>
    new Map(
      await Promise.all(roles.map(async (role) => [role, await currentValue(vault, ["Databases", role])] as const)),
    );
  const superuser = new pg.Client(server.connection());
  await superuser.connect();
  const stored = async () => {
    const { rows } = await superuser.query<{ rolname: string; rolpassword: string }>(
      "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'role%'",
    );
    return new Map(rows.map(({ rolname, rolpassword }) => [rolname.replace("_", "-"), rolpassword]));
  };
  try {
    project.env["PG_ADMIN"] = server.password;
    await project.setConfig("port", String(server.port));
    await project.setConfig("coffre:verifyOnRefresh", "true");
    await project.setConfig("targets", JSON.stringify(roles.map((_, index) => HOSTS[index % HOSTS.length])));
    succeed(await project.up());
    const before = await valuesNow();
    expect(output(succeed(await project.refresh()))).not.toContain("differs");
    succeed(await project.up(["--expect-no-changes"]));
    expect(await server.refusedLogins()).toBe(0);

    for (const name of CHANGED)
      await superuser.query(`ALTER ROLE ${name.replace("-", "_")} PASSWORD 'by somebody else'`);
    const untouched = await stored();
    const refreshed = output(succeed(await project.refresh()));
    for (const name of CHANGED) expect(refreshed).toContain(`Databases/${name}: postgres://${name.replace("-", "_")}@`);
    for (const name of CHANGED)
      expect((await resourceNamed(project, name)).outputs).toMatchObject({ status: "unfinished" });
    expect(await server.refusedLogins()).toBe(CHANGED.length);

    await project.setConfig("coffre:onDrift", "report");
    expect(output(succeed(await project.up()))).toContain("refuses version 1, the current one");
    expect(await stored()).toEqual(untouched);

    await project.setConfig("coffre:onDrift", "mend");
    expect(updatedIn(output(succeed(await project.preview())))).toEqual(new Set(CHANGED));
    expect(updatedIn(output(succeed(await project.up())))).toEqual(new Set(CHANGED));
    const after = await stored();
    for (const role of roles) {
      const same = after.get(role) === untouched.get(role);
      expect({ role, same }).toEqual({ role, same: !CHANGED.includes(role) });
      expect(await versionsOf(vault, ["Databases", role])).toBe("1 current");
    }
    expect(await valuesNow()).toEqual(before);
    for (const name of CHANGED) {
      const client = new pg.Client({
        ...server.connection(),
        user: name.replace("-", "_"),
        password: before.get(name),
      });
      await client.connect(); // nobody is locked out
      await client.end();
    }
    expect(output(succeed(await project.refresh()))).not.toContain("differs");
    succeed(await project.up(["--expect-no-changes"]));
    expect(await server.refusedLogins()).toBe(CHANGED.length);
  } finally {
    await superuser.end();
    await project.remove();
    await server.remove();
  }
}, 600_000);

/** Names of the credentials that a run updates, or would. */
function updatedIn(said: string): Set<string> {
  return new Set([...said.matchAll(/~ +coffre:index:Credential (\S+) updat/g)].map(([, name = ""]) => name));
}
