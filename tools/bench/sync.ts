import { randomBytes } from "node:crypto";
import { Agent, request } from "undici";
import { systemClock } from "../../provider/core/clock.js";
import { limitConcurrency } from "../../provider/core/limit.js";
import { Secret } from "../../provider/core/secret.js";
import { copiesIn } from "../../provider/sync/copies-in.js";
import { syncVault } from "../../provider/sync/sync.js";
import { createHashicorpVault } from "../../provider/vault/hashicorp/create.js";
import { type HashicorpPlace, openHashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { VaultServer } from "../openbao/server.ts";
import { onFreshVault } from "./fresh-vault.ts";
import { interleaved, median, timed } from "./statistics.ts";

const ENTRIES = 1_000;
const PARALLEL = 16;
const WARM_UP = 1;
const ROUNDS = 5;

/** Medians, milliseconds, and which server it was. */
export interface SyncTimes {
  bareMs: number;
  oursMs: number;
  server: string;
}

/**
 * A first sync of 1,000 entries, each with user name and password, from an embedded vault into an empty KV engine, against
 * 1,000 bare writes of the same documents into another by the same library and as many at a time. Vaults and mounts are
 * made before the clock starts.
 */
export async function measureSync(): Promise<SyncTimes> {
  const server = await VaultServer.start();
  try {
    return await onFreshVault(async (vault) => {
      await fill(vault);
      const floor = async () => writeBarely(server, await server.mount());
      const ours = async () => syncInto(server, vault, await server.mount());
      await interleaved(WARM_UP, { floor, ours });
      const times = await interleaved(ROUNDS, { floor, ours });
      return { bareMs: median(times.floor), oursMs: median(times.ours), server: server.version };
    });
  } finally {
    await server.stop();
  }
}

async function fill(vault: Vault): Promise<void> {
  const { id } = await vault.createCategory({ name: "Databases", parentId: null });
  const inputs = Array.from({ length: ENTRIES }, (_, index) => ({
    name: `entry-${index}`,
    categoryId: id,
    username: `entry_${index}`,
    initial: { value: new Secret(newValue()), causes: [] },
  }));
  await vault.createCredentials(inputs);
}

const newValue = () => randomBytes(18).toString("base64url");

async function syncInto(server: VaultServer, source: Vault, mount: string): Promise<number> {
  const place: HashicorpPlace = {
    server: { origin: server.origin },
    mount,
    root: [],
    login: { method: { by: "token" }, secret: () => new Secret(server.rootToken) },
  };
  await createHashicorpVault({ ...place, name: "robots", clock: systemClock });
  const destination = openHashicorpVault({ ...place, actor: "bench", clock: systemClock });
  try {
    const { id, name } = await source.identity();
    const job = { source: { id, name }, categoryId: null, prefix: [] };
    const took = await timed(async () => {
      const store = await copiesIn(destination, job, { clock: systemClock });
      const { created } = await syncVault({ source, store, job, parallel: PARALLEL });
      if (created !== ENTRIES) throw new Error(`only ${String(created)} were copied`); // one that copies nothing would be fast
    });
    return took;
  } finally {
    await destination.close();
  }
}

async function writeBarely(server: VaultServer, mount: string): Promise<number> {
  const dispatcher = new Agent({ connections: PARALLEL });
  const limit = limitConcurrency(PARALLEL);
  const write = async (index: number) => {
    const data = { password: newValue(), username: `entry_${index}` };
    const { statusCode, body } = await request(`${server.origin}/v1/${mount}/data/Databases/entry-${index}`, {
      dispatcher,
      method: "POST",
      headers: { "x-vault-token": server.rootToken, "content-type": "application/json" },
      body: JSON.stringify({ options: { cas: 0 }, data }),
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`the server answered ${String(statusCode)}`);
  };
  try {
    return await timed(async () => {
      await Promise.all(Array.from({ length: ENTRIES }, (_, index) => limit(() => write(index))));
    });
  } finally {
    await dispatcher.close();
  }
}
