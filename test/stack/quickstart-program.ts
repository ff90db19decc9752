import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { startPostgres, type PostgresServer } from "../fixtures/postgres-server.ts";
import { createProject, type PulumiProject } from "../fixtures/pulumi-project.ts";

const PROGRAM = resolve(import.meta.dirname, "../../examples/vm-and-database/index.ts");

/** The quickstart's program, and the PostgreSQL that it works on. */
export interface QuickstartScene {
  project: PulumiProject;
  database: PostgresServer;
  remove: () => Promise<void>;
}

/**
 * The quickstart's program as it stands, without a machine, on a vault that is there.
 * @param secrets by the variable that names each one's file: `COFFRE_TOKEN_FILE`
 */
export async function createQuickstart(url: string, secrets: Record<string, string>): Promise<QuickstartScene> {
  const [database, program] = await Promise.all([startPostgres(), readFile(PROGRAM, "utf8")]);
  const project = await createProject({ name: "coffre-quickstart", program });
  const keep = async (name: string, text: string) => {
    const file = join(project.folder, name);
    await writeFile(file, `${text}\n`, { mode: 0o600 });
    return file;
  };
  for (const [variable, text] of Object.entries(secrets)) project.env[variable] = await keep(variable, text);
  const adminPasswordFile = await keep("admin-password", database.password);
  const settings = { "coffre:url": url, host: database.host, port: String(database.port), adminPasswordFile };
  for (const [name, value] of Object.entries(settings)) await project.setConfig(name, value);
  return {
    project,
    database,
    async remove() {
      await project.remove();
      await database.remove();
    },
  };
}
