import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import "../sources.ts";

/** `agent`: a `coffre agent`. `bare`: Node's own HTTP server, which reads one value a request from the same vault and checks nothing. */
export type SocketRole = "agent" | "bare";

/** A process of its own that answers on a unix socket for the vault that its environment configures. */
export class SocketProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves once it listens. */
  static async start(role: SocketRole, socket: string, env: Record<string, string>): Promise<SocketProcess> {
    const child = fork(import.meta.filename, [role, socket], { env, stdio: ["ignore", "pipe", "inherit", "ipc"] });
    if (child.stdout) await once(child.stdout, "data"); // it says so
    child.stdout?.resume();
    return new SocketProcess(child);
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exit;
  }
}

async function serveBarely(socket: string): Promise<void> {
  const [{ resolveConfiguration }, { openVault }, { systemClock }] = await Promise.all([
    import("../../provider/config/index.js"),
    import("../../provider/vault/open.js"),
    import("../../provider/core/clock.js"),
  ]);
  const configuration = resolveConfiguration({ env: process.env, cwd: process.cwd() });
  const vault = openVault(configuration, { actor: "bench", clock: systemClock });
  const server = createServer((asked, answer) => {
    let text = "";
    asked.setEncoding("utf8").on("data", (part: string) => (text += part));
    asked.on("end", () => {
      const { id } = JSON.parse(text) as { id: string };
      void vault.readMany([{ id }]).then(([read]) => {
        const value = read === undefined || read instanceof Error ? null : read.value.reveal();
        answer.setHeader("content-type", "application/json").end(JSON.stringify({ id, value }));
      });
    });
  });
  server.listen(socket, () => process.stdout.write("listening\n"));
  await once(process, "SIGTERM");
  server.close();
  server.closeAllConnections();
  await vault.close();
}

const [, started, role, socket = ""] = process.argv;
if (process.send && started === import.meta.filename) {
  if (role === "bare") await serveBarely(socket);
  else {
    const { main } = await import("../../provider/cli/main.js");
    await main(["agent", "--socket", socket]);
  }
  process.exit();
}
