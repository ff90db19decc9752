import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Certificate } from "../postgres/certificates.ts";
import { freePort, signal } from "../servers/guarded.ts";
import { findServerBinary } from "./binary.ts";
import { type ApiAnswer, spawnVault, VaultServer } from "./server.ts";

const START_MS = 30_000;
const CONFIGURATION = "server.hcl";

/** A server whose data outlives it: it can be killed in the middle of something, and started again. On TLS if it is given a certificate. */
export class DurableServer extends VaultServer {
  #unsealKey = "";
  #agent = new Agent();
  #binary = "";

  /** @param tls for 127.0.0.1, with the certificate of the authority that signed it */
  static async startDurable(tls?: Certificate & { authority: string }): Promise<DurableServer> {
    const folder = await mkdtemp(join(tmpdir(), "coffre-openbao-"));
    const [port, cluster] = [await freePort(), await freePort()];
    const origin = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
    await mkdir(join(folder, "data"));
    if (tls) {
      await writeFile(join(folder, "tls.pem"), tls.certificate);
      await writeFile(join(folder, "tls.key"), tls.key, { mode: 0o600 });
    }
    const listener = tls ? 'tls_cert_file = "tls.pem"\n  tls_key_file = "tls.key"' : "tls_disable = true";
    await writeFile(
      join(folder, CONFIGURATION),
      `storage "raft" {\n  path = "data"\n  node_id = "one"\n}\nlistener "tcp" {\n  address = "127.0.0.1:${port}"\n` +
        `  cluster_address = "127.0.0.1:${cluster}"\n  ${listener}\n}\napi_addr = "${origin}"\n` +
        `cluster_addr = "https://127.0.0.1:${cluster}"\n`,
    );
    const binary = await findServerBinary();
    const server = new DurableServer(spawnVault(DurableServer.#command(binary), folder), folder, origin, "", "");
    server.#binary = binary;
    if (tls) server.#agent = new Agent({ connect: { ca: tls.authority } });
    await server.#untilIt("answers", async () => (await server.api("GET", "sys/init")).status === 200);
    const { body } = await server.api("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
    server.#unsealKey = String((body["keys"] as string[])[0]);
    server.rootToken = String(body["root_token"]);
    await server.unseal();
    return server;
  }

  static #command(binary: string): string[] {
    return [binary, "server", `-config=${CONFIGURATION}`];
  }

  /** Brings it to life after it was started, or sealed. */
  async unseal(): Promise<void> {
    await this.api("PUT", "sys/unseal", { key: this.#unsealKey });
    await this.#untilIt("is active", async () => (await this.api("GET", "sys/health")).status === 200);
  }

  /** Ends the server at once, as a power cut does; what it has confirmed is on disk. With it its guard, which would remove that. */
  kill(): void {
    if (this.child.pid !== undefined) signal(-this.child.pid, "SIGKILL");
  }

  /** Starts it again, unsealed, after {@link kill}. */
  async startAgain(): Promise<void> {
    this.child = spawnVault(DurableServer.#command(this.#binary), this.folder);
    await this.#untilIt("answers", async () => (await this.api("GET", "sys/init")).status === 200);
    await this.unseal();
  }

  override async api(method: string, path: string, body?: object, token = this.rootToken): Promise<ApiAnswer> {
    const { statusCode, body: answered } = await request(`${this.origin}/v1/${path}`, {
      method: method as "GET",
      headers: { ...(token === "" ? {} : { "x-vault-token": token }), "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      dispatcher: this.#agent,
    });
    const text = await answered.text();
    return { status: statusCode, body: text === "" ? {} : (JSON.parse(text) as ApiAnswer["body"]) };
  }

  override async stop(): Promise<void> {
    await this.#agent.close();
    await super.stop();
  }

  async #untilIt(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const until = Date.now() + START_MS;
    while (Date.now() < until) {
      if (await isSo().catch(() => false)) return;
      await delay(50);
    }
    const said = await readFile(join(this.folder, "server.log"), "utf8").catch(() => "");
    throw new Error(`${this.origin} isn't one that ${what}:\n${said.split("\n").slice(-12).join("\n")}`);
  }
}
