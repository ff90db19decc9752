import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Secret } from "../../provider/core/secret.js";
import { makeTokens, ServedVault } from "../served/served-vault.ts";
import { onFreshVault, vaultPlace } from "./fresh-vault.ts";
import type { Load, Loaded } from "./load.ts";
import { median } from "./statistics.ts";

const ENTRIES = 1_000;
const ROUNDS = 3;
const SECONDS = 5;
const CONNECTIONS = 64;
const RUNNERS = 4;
const [SERVER_CORE, LOAD_CORE] = ["0", "1"];

/** Single reads from a server: the medians of three rounds. */
export interface ServedReads {
  perSecond: number;
  p99Ms: number;
}

/**
 * Reads of one password each from `coffre serve` over 1,000 entries, by 64 connections of 4 users who each have a grant on
 * the entries' category: authenticated, decrypted, the event durable before the answer. The server is kept on one core,
 * the load tool on the other.
 */
export async function servedReads(): Promise<ServedReads> {
  return onFreshVault(async (vault, _reopen, folder) => {
    const { id: categoryId } = await vault.createCategory({ name: "Databases", parentId: null });
    const made = await vault.createCredentials(
      Array.from({ length: ENTRIES }, (_, index) => ({
        name: `entry-${index}`,
        categoryId,
        initial: { value: new Secret(`value of ${index}`), causes: ["bench"] },
      })),
    );
    const users = await Promise.all(
      Array.from({ length: RUNNERS }, (_, index) =>
        vault.people.createPrincipal({ kind: "user", name: `runner-${index}` }),
      ),
    );
    for (const { id } of users) await vault.people.createGrant({ categoryId, principalId: id, role: "reader" });
    const place = vaultPlace(folder);
    const tokens = await makeTokens(
      place,
      users.map(({ id, name }) => ({ user: name, userId: id, role: "user" as const, label: "bench" })),
    );
    const server = await ServedVault.start(place, { wrapper: ["taskset", "-c", SERVER_CORE] });
    try {
      const load: Load = {
        url: `${server.origin}/v1/read-many`,
        seconds: SECONDS,
        connections: CONNECTIONS,
        tokens,
        bodies: made.map(({ id }) => JSON.stringify({ requests: [{ id }] })),
      };
      await run({ ...load, seconds: 1 }); // warm
      const rounds: Loaded[] = [];
      for (let round = 0; round < ROUNDS; round += 1) rounds.push(await run(load));
      const failed = rounds.reduce((sum, each) => sum + each.failed, 0);
      if (failed > 0) throw new Error(`${failed} reads failed`);
      return {
        perSecond: median(rounds.map((each) => each.perSecond)),
        p99Ms: median(rounds.map((each) => each.p99Ms)),
      };
    } finally {
      await server.stop();
    }
  });
}

async function run(load: Load): Promise<Loaded> {
  const child = spawn("taskset", ["-c", LOAD_CORE, process.execPath, join(import.meta.dirname, "load.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(load));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`the load tool ended with ${String(code)}`);
  return JSON.parse(text) as Loaded; // load.ts's own line
}
