import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Secret } from "../../provider/core/secret.js";
import { commandEnvironment, onFreshVault } from "./fresh-vault.ts";
import { SocketProcess } from "./socket-process.ts";
import { interleaved, median, timed } from "./statistics.ts";

const PROGRAM = join(import.meta.dirname, "../../bin/coffre.js");
const REFERENCES = 50;
const WARM_UP = 3;
const ROUNDS = 15;

/** Medians of one start, milliseconds. */
export interface RunStart {
  oursMs: number;
  nodeMs: number;
}

/** The built `coffre run` with 50 references through a real agent and `true` as its command, against `node -e 0`, in turn. */
export async function measureRunStart(): Promise<RunStart> {
  return onFreshVault(async (vault, _reopen, folder) => {
    const names = Array.from({ length: REFERENCES }, (_, index) => `app-${String(index)}`);
    const initial = { value: new Secret("a value of the length that passwords have"), causes: [] };
    await vault.createCredentials(names.map((name) => ({ name, categoryId: null, initial })));
    const references = names.map((name, index) => `VALUE_${String(index)}=coffre://bench/${name}\n`);
    const file = join(folder, "refs.env");
    await writeFile(file, references.join(""));
    const socket = join(folder, "run/agent.sock");
    const env = commandEnvironment(folder);
    const agent = await SocketProcess.start("agent", socket, env);
    const start = async (program: string, args: readonly string[]) => {
      await promisify(execFile)(program, args, { env: { ...env, COFFRE_AGENT: socket } });
    };
    const ours = () => timed(() => start(PROGRAM, ["run", "--env-file", file, "--", "true"]));
    const floor = () => timed(() => start(process.execPath, ["-e", "0"]));
    try {
      await interleaved(WARM_UP, { floor, ours });
      const times = await interleaved(ROUNDS, { floor, ours });
      return { oursMs: median(times.ours), nodeMs: median(times.floor) };
    } finally {
      await agent.stop();
    }
  });
}
