import { chmod, cp, lchown, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { Secret } from "../../provider/core/secret.js";
import type { TargetSpec } from "../../provider/target/port.js";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.js";
import { PostgresHarness } from "./postgres-harness.js";
import { until } from "./target-contract.js";

const LAG_MS = 400;

let primary: PostgresHarness;
let replica: PostgresServer;

/** A standby that streams from the server and replays each commit late, made as pg_basebackup makes one. */
async function startReplica(of: PostgresServer): Promise<PostgresServer> {
  const folder = `${of.folder}-replica`;
  const backup = new Client(of.connection());
  await backup.connect();
  await backup.query("SELECT pg_backup_start('replica', true)");
  await mkdir(folder);
  const running = /postmaster\.(pid|opts)$/;
  const copy = join(folder, "data");
  await cp(of.dataFolder, copy, { recursive: true, filter: (path) => !running.test(path) });
  const { rows } = await backup.query<{ labelfile: string }>("SELECT labelfile FROM pg_backup_stop(false)");
  await backup.end();
  await writeFile(join(copy, "backup_label"), rows[0]?.labelfile ?? "");
  await writeFile(join(copy, "standby.signal"), "");
  await chownAll(folder, of.dataFolder);
  await chmod(copy, 0o700);
  const primary_conninfo = `host=${of.host} port=${of.port} user=${of.user} password=${of.password}`;
  return startPostgres({
    folder,
    password: of.password,
    settings: { primary_conninfo, recovery_min_apply_delay: `${LAG_MS}ms` },
  });
}

/** Gives everything below `folder` the owner that `like` has: the server may run as another account than the tests. */
async function chownAll(folder: string, like: string): Promise<void> {
  const { uid, gid } = await stat(like);
  for (const name of ["", ...(await readdir(folder, { recursive: true }))]) await lchown(join(folder, name), uid, gid);
}

beforeAll(async () => {
  primary = new PostgresHarness(await startPostgres());
  replica = await startReplica(primary.server);
  await until(
    async () => (await primary.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'")).length === 1,
  );
}, 120_000);

afterAll(async () => {
  await replica.remove();
  await primary.stop();
});

const specOf = (name: string, more: Record<string, unknown> = {}): TargetSpec =>
  primary.driver.parse({ ...primary.description({ create: true }), ...more }, name);

describe("a PostgreSQL server with a replica", () => {
  test("a set waits for a replica that lags, so that the proof there is not refused", async () => {
    const spec = specOf("orders_app", { verifyHosts: [`127.0.0.1:${replica.port}`] });
    expect(spec.verifyAddresses).toHaveLength(2);
    const session = await primary.driver.connect(spec, primary.admin);
    for (const password of [new Secret("CoffreMarker-1"), new Secret("CoffreMarker-2")]) {
      await session.look(spec);
      const startedAt = performance.now();
      await expect(session.set(spec, password)).resolves.toMatchObject({ result: "set" });
      expect(performance.now() - startedAt).toBeGreaterThan(LAG_MS / 2);
      for (const address of spec.verifyAddresses) {
        await expect(primary.driver.verify(spec, password, address)).resolves.toEqual({ proof: "works" });
      }
    }
    await session.close();
    await expect(replica.refusedLogins("orders_app")).resolves.toBe(0);
  });

  test("a replica that doesn't answer stops the rotation at the look", async () => {
    const spec = specOf("orders_app", { verifyHosts: ["127.0.0.1:1"] });
    const session = await primary.driver.connect(spec, primary.admin);
    await expect(session.look(spec)).rejects.toMatchObject({ code: "UNREACHABLE", details: { port: 1 } });
    await session.close();
  });

  test("a replica can't be set itself", async () => {
    const spec = specOf("orders_app", { port: replica.port });
    const session = await primary.driver.connect(spec, primary.admin);
    await expect(session.look(spec)).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
      problem: expect.stringContaining("is a standby") as unknown,
    });
    await expect(session.set(spec, new Secret("CoffreMarker-3"))).resolves.toMatchObject({ result: "refused" });
    await session.close();
  });
});
