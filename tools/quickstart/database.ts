import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import pg from "pg";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import type { Places } from "./places.ts";
import { print, Trouble } from "./screen.ts";

/** The database that the example's account is in. */
export const DATABASE = "postgres";

const REFUSED = "28P01"; // invalid_password

/** Starts the quickstart's own PostgreSQL, or finds it running. @throws Trouble */
export async function startDatabase({ data, postgres, adminPassword }: Places): Promise<PostgresServer> {
  await mkdir(data, { recursive: true, mode: 0o700 });
  if (!existsSync(adminPassword)) {
    await writeFile(adminPassword, `${randomBytes(18).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  }
  const password = (await readFile(adminPassword, "utf8")).trim();
  try {
    return await startPostgres({ folder: postgres, password, say: (line) => print(`      ${line}`) });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Trouble(problem, "The server's log lies beside its data. Run the quickstart again once that is mended.");
  }
}

/** @throws Trouble if the server's data, which may lie apart from the rest, has outlived it */
export async function refuseOrphan({ adminPassword }: Places, { host, port, user }: PostgresServer): Promise<void> {
  const password = (await readFile(adminPassword, "utf8")).trim();
  if (await logsIn({ host, port, user, password })) return;
  throw new Trouble(
    "A database of an earlier quickstart is still there, and what belonged to it is gone",
    "Take it down, then run the quickstart again: `npm run quickstart -- --destroy`.",
  );
}

/** What a login is tried with. */
export interface Login {
  host: string;
  port: number;
  user: string;
  password: string;
}

/** Really logs in. @returns false if the server refuses the password. @throws Error for anything else */
export async function logsIn(login: Login): Promise<boolean> {
  const client = new pg.Client({ ...login, database: DATABASE, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ current_user: string }>("SELECT current_user");
    return rows[0]?.current_user === login.user;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === REFUSED) return false;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
