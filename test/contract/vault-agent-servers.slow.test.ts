import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "@jest/globals";
import type { Clock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { startAgent } from "../../provider/server/agent/agent.js";
import type { CoffreServer } from "../../provider/server/app.js";
import { v1Front } from "../../provider/server/v1/front.js";
import { askAgent } from "../../provider/vault/agent/ask.js";
import { openAgentVault } from "../../provider/vault/agent/open.js";
import type { Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { newVault, sharedServer } from "../fixtures/openbao.js";
import { ServerScene } from "../fixtures/server-scene.js";
import { vaultContract } from "./vault-contract.js";

afterAll(async () => (await sharedServer()).stop());

/** Agents of one test case, each before a vault of its own session. */
class Agents {
  readonly #folder = mkdtempSync(join(tmpdir(), "coffre-agents-"));
  readonly #running: { agent: CoffreServer; session: Vault; vault: Vault }[] = [];

  /** What a reader has who opens the vault by the agent. */
  async before(session: Vault, { clock, actor }: { clock: Clock; actor: string }): Promise<Vault> {
    const socket = join(this.#folder, String(this.#running.length), "agent.sock");
    const url = "coffre+https://vault.example.com";
    const agent = await startAgent({ vault: session, url, user: actor, clock, socket, fronts: [v1Front] });
    const answer = await askAgent(socket);
    const vault = openAgentVault(socket, answer);
    this.#running.push({ agent, session, vault });
    return vault;
  }

  async end(): Promise<void> {
    for (const { agent, session, vault } of this.#running) {
      await vault.close();
      await agent.stop();
      await session.close();
    }
    rmSync(this.#folder, { recursive: true });
  }
}

vaultContract("an agent before a served vault", async () => {
  const agents = new Agents();
  let scene: ServerScene | undefined;
  return {
    async open(options) {
      scene ??= await ServerScene.start({ clock: options.clock, fronts: [v1Front] });
      const text = new Secret(await scene.token(options.actor, { role: "administrator" }));
      const { origin } = scene;
      return agents.before(openRemoteVault({ origin, token: () => text, source: options.source }), options);
    },
    async dispose() {
      await agents.end();
      await scene?.close();
    },
  };
});

vaultContract(
  "an agent before OpenBao",
  async () => {
    const agents = new Agents();
    const { open } = await newVault({ name: "contract" });
    return {
      open: async (options) => agents.before(open(options), options),
      dispose: () => agents.end(),
    };
  },
  { events: "server" },
);
