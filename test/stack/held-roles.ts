import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { PostgresServer } from "../fixtures/postgres-server.ts";

/** Roles that somebody else is changing, and hasn't decided yet: every other change of them waits. */
export interface HeldRoles {
  /** Returns once changes of so many roles wait. @throws Error after a minute */
  reached(count?: number): Promise<void>;
  release(): Promise<void>;
}

/** @param statements what is done to the roles, and undone by `release()`: `CREATE ROLE "orders_app"` */
export async function holdRoles(server: PostgresServer, ...statements: string[]): Promise<HeldRoles> {
  const holder = new pg.Client(server.connection());
  await holder.connect();
  await holder.query("BEGIN");
  for (const statement of statements) await holder.query(statement);
  return {
    async reached(count = 1) {
      const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
      for (let tries = 0; tries < 1_200; tries++) {
        const { rowCount } = await holder.query(waiting);
        if ((rowCount ?? 0) >= count) return;
        // A transaction sees one state of these statistics unless told otherwise.
        await holder.query("SELECT pg_stat_clear_snapshot()");
        await delay(50);
      }
      throw new Error("nobody came to change the role");
    },
    async release() {
      await holder.query("ROLLBACK");
      await holder.end();
    },
  };
}
