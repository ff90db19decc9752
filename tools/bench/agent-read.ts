import { request } from "node:http";
import { join } from "node:path";
import { Secret } from "../../provider/core/secret.js";
import { askAgent } from "../../provider/vault/agent/ask.js";
import { openAgentVault } from "../../provider/vault/agent/open.js";
import { commandEnvironment, onFreshVault } from "./fresh-vault.ts";
import { SocketProcess } from "./socket-process.ts";
import { interleaved, median, timed } from "./statistics.ts";

const WARM_UP = 2;
const ROUNDS = 10;
const READS_A_ROUND = 50;

/** Medians of one read, milliseconds. */
export interface AgentRead {
  oursMs: number;
  bareMs: number;
  /** In the vault's own process, with no socket at all. */
  directMs: number;
}

/**
 * One password after another, read by the library through a real `coffre agent`, against bare requests over a unix socket to
 * a bare server that reads the same vault: both answer once the read's event is on the disk, and keep nothing.
 */
export async function measureAgentRead(): Promise<AgentRead> {
  return onFreshVault(async (vault, _reopen, folder) => {
    const initial = { value: new Secret("a value of the length that passwords have"), causes: [] };
    const [entry] = await vault.createCredentials([{ name: "orders-app", categoryId: null, initial }]);
    const id = entry?.id ?? "";
    const sockets = { agent: join(folder, "run/agent.sock"), bare: join(folder, "bare.sock") };
    const env = commandEnvironment(folder);
    const agent = await SocketProcess.start("agent", sockets.agent, env);
    const bare = await SocketProcess.start("bare", sockets.bare, env);
    const through = openAgentVault(sockets.agent, await askAgent(sockets.agent));
    try {
      const read = async (from: typeof vault) => {
        const [answer] = await from.readMany([{ id }]);
        if (answer === undefined || answer instanceof Error) throw new Error("nothing was read");
      };
      const ours = () => repeated(() => read(through));
      const floor = () => repeated(() => readBarely(sockets.bare, id));
      const direct = () => repeated(() => read(vault));
      await interleaved(WARM_UP, { floor, ours });
      const times = await interleaved(ROUNDS, { floor, ours });
      return {
        oursMs: median(times.ours.flat()),
        bareMs: median(times.floor.flat()),
        directMs: median(await direct()),
      };
    } finally {
      await through.close();
      await agent.stop();
      await bare.stop();
    }
  });
}

async function repeated(read: () => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  for (let count = 0; count < READS_A_ROUND; count += 1) took.push(await timed(read));
  return took;
}

function readBarely(socketPath: string, id: string): Promise<void> {
  return new Promise((done, fail) => {
    const asked = request({ socketPath, path: `/${id}`, method: "POST" }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      answer.on("end", () => {
        if (typeof (JSON.parse(text) as { value?: unknown }).value === "string") done();
        else fail(new Error("nothing was read"));
      });
    });
    asked.on("error", fail);
    asked.end(JSON.stringify({ id }));
  });
}
