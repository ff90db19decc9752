import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { Secret } from "../../provider/core/secret.js";
import { scramVerifier } from "../../provider/target/postgres/scram.js";
import type { Vault } from "../../provider/vault/port.js";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { CommandProcess } from "./command-process.ts";
import { commandEnvironment, onFreshVault } from "./fresh-vault.ts";
import { eachAtOnce } from "./pool.ts";
import { prepareRoles } from "./postgres-roles.ts";
import { interleaved, median, timed } from "./statistics.ts";

const ROLES = 200;
/** Rotations at once: what `coffre rotate` does unless it is told otherwise. */
const AT_ONCE = 4;
const ROUNDS = 5;
/** More than the second in which PostgreSQL shows the times of files. */
const RULES_OLD_MS = 1_500;

/** Medians of a round over all roles, milliseconds. */
export interface PostgresRate {
  bareMs: number;
  oursMs: number;
  /** CPU time of the side that asks, without the server's. */
  bareCpuMs: number;
  oursCpuMs: number;
}

/**
 * 200 roles of one server that syncs, each a credential of its own, rotated by one `coffre rotate` of them all (embedded
 * vault with full sync, the admin's password in it, default pool), against the bare change and proof: as many workers, each
 * with an admin's connection of its own, give a role a SCRAM verifier by one ALTER ROLE and log in with the new password
 * once. Both sides are warm processes, make their verifiers themselves, prove by a real login, and open and close their
 * connections within the measured time; the start of Node is in neither. The bare side finds nothing, looks at nothing and
 * writes nothing down.
 */
export async function measurePostgresRate(): Promise<PostgresRate> {
  const server = await startPostgres({ settings: { fsync: "on", full_page_writes: "on" } });
  try {
    await settleRules(server);
    return await onFreshVault((vault, _reopen, folder) => compare(server, vault, folder));
  } finally {
    await server.remove();
  }
}

/** A server in service has loaded its pg_hba.conf long after that was written; only then an admin can go by what it sees of it. */
async function settleRules(server: PostgresServer): Promise<void> {
  await delay(RULES_OLD_MS);
  const admin = new Client(server.connection());
  await admin.connect();
  await admin.query("SELECT pg_reload_conf()");
  await admin.end();
}

async function compare(server: PostgresServer, vault: Vault, folder: string): Promise<PostgresRate> {
  const bare = Array.from({ length: ROLES }, (_, index) => `bare_${index}`);
  const ids = await prepareRoles(server, vault, { count: ROLES, bare });
  const command = new CommandProcess(commandEnvironment(folder));
  try {
    const floor = () => changeAllBarely(server, bare);
    const ours = () => rotateAll(command, ids);
    await interleaved(1, { floor, ours });
    const times = await interleaved(ROUNDS, { floor, ours });
    const medianOf = (side: "floor" | "ours", what: keyof Cost) => median(times[side].map((cost) => cost[what]));
    return {
      bareMs: medianOf("floor", "ms"),
      oursMs: medianOf("ours", "ms"),
      bareCpuMs: medianOf("floor", "cpuMs"),
      oursCpuMs: medianOf("ours", "cpuMs"),
    };
  } finally {
    await command.stop();
  }
}

interface Cost {
  ms: number;
  cpuMs: number;
}

async function rotateAll(command: CommandProcess, ids: readonly string[]): Promise<Cost> {
  const { exitCode, ...cost } = await command.call(["rotate", "--parallel", String(AT_ONCE), ...ids]);
  if (exitCode !== 0) throw new Error(`coffre rotate ended with ${exitCode}`);
  return cost;
}

async function changeAllBarely(server: PostgresServer, roles: readonly string[]): Promise<Cost> {
  const before = process.cpuUsage();
  const ms = await timed(() => changeBarely(server, roles));
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1000 };
}

async function changeBarely(server: PostgresServer, roles: readonly string[]): Promise<void> {
  const left = roles.values();
  await eachAtOnce(Array.from({ length: AT_ONCE }), AT_ONCE, async () => {
    const admin = new Client(server.connection());
    await admin.connect();
    for (const role of left) await change(server, admin, role);
    await admin.end();
  });
}

async function change(server: PostgresServer, admin: Client, role: string): Promise<void> {
  const password = randomBytes(18).toString("base64url");
  const verifier = await scramVerifier(new Secret(password), { iterations: 4096 });
  await admin.query(`ALTER ROLE ${escapeIdentifier(role)} PASSWORD ${escapeLiteral(verifier)}`);
  const proof = new Client({ ...server.connection(), user: role, password });
  await proof.connect();
  await proof.end();
}
