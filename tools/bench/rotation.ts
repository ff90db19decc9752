import { randomBytes } from "node:crypto";
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { commandCause } from "../../provider/rotation/causes.js";
import { closeRotationContext, createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import { scramVerifier } from "../../provider/target/postgres/scram.js";
import type { Vault } from "../../provider/vault/port.js";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { onFreshVault } from "./fresh-vault.ts";
import { prepareRoles } from "./postgres-roles.ts";
import { interleaved, median, timed } from "./statistics.ts";

/** So many that no entry gets a longer history than a few years of rotations would give it. */
const ROLES = 40;
const BARE_ROLE = "bench_bare";
const WARM_UP = 20;
const ROUNDS = 200;

/** Medians, milliseconds. */
export interface RotationTimes {
  bareMs: number;
  oursMs: number;
}

/**
 * One rotation of a PostgreSQL role against its bare minimum, interleaved, on one server that syncs to disk. Both open an
 * admin's connection, set a SCRAM verifier in a transaction, prove the password by a login on a second connection, and
 * close both. Ours adds the look, and the journal in an embedded vault with full sync; vault and process are warm.
 */
export async function measureRotation(): Promise<RotationTimes> {
  const server = await startPostgres({ settings: { fsync: "on", full_page_writes: "on" } });
  try {
    return await onFreshVault((vault) => interleave(server, vault));
  } finally {
    await server.remove();
  }
}

async function interleave(server: PostgresServer, vault: Vault): Promise<RotationTimes> {
  const ids = await prepareRoles(server, vault, { count: ROLES, bare: [BARE_ROLE] });
  let turn = 0;
  const floor = () => timed(() => rotateBarely(server));
  const ours = () => timed(() => rotate(vault, ids[turn++ % ROLES] ?? ""));
  await interleaved(WARM_UP, { floor, ours });
  const times = await interleaved(ROUNDS, { floor, ours });
  return { bareMs: median(times.floor), oursMs: median(times.ours) };
}

async function rotate(vault: Vault, id: string): Promise<void> {
  const context = createRotationContext({ vault, drivers: [postgresDriver], clock: systemClock });
  await reachCauses(context, id, [commandCause()]);
  await closeRotationContext(context);
}

async function rotateBarely(server: PostgresServer): Promise<void> {
  const password = randomBytes(18).toString("base64url");
  const admin = new Client(server.connection());
  await admin.connect();
  const verifier = await scramVerifier(new Secret(password), { iterations: 4096 });
  const limits = "SET LOCAL lock_timeout = 5000; SET LOCAL statement_timeout = 5000";
  await admin.query(`BEGIN; SET LOCAL synchronous_commit = on; ${limits}`);
  await admin.query(`ALTER ROLE ${escapeIdentifier(BARE_ROLE)} PASSWORD ${escapeLiteral(verifier)}`);
  await admin.query("COMMIT");
  const proof = new Client({ ...server.connection(), user: BARE_ROLE, password });
  await proof.connect();
  await Promise.all([proof.end(), admin.end()]);
}
