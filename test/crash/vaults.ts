import { join } from "node:path";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { newKeyText, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import { createHashicorpVault } from "../../provider/vault/hashicorp/create.js";
import { createLockselfVault } from "../../provider/vault/lockself/create.js";
import type { Vault } from "../../provider/vault/port.js";
import { VaultServer } from "../../tools/openbao/server.ts";
import { makeTokens, ServedVault } from "../../tools/served/served-vault.ts";
import { LockselfScene } from "../fixtures/lockself-scene.js";
import { lockselfPlaceOf, openProvenVault, placeOf } from "./open-vault.ts";

/** How a process opens a proof's vault; a job carries it as JSON. */
export type VaultOpening =
  | { kind: "embedded"; path: string; keyFile: string }
  | { kind: "served"; origin: string; tokenFile: string }
  | { kind: "openbao"; origin: string; mount: string; tokenFile: string }
  | { kind: "lockself"; origin: string; space: string; tokenFile: string };

/** A vault that a proof works on. */
export interface ProvenVault {
  /** For the processes that rotate. */
  opening: VaultOpening;
  /** A second handle, in the controller's process: it looks, and prepares what a point starts from. */
  vault: Vault;
  /** Where it listens, of a server: what stands in between can cut its traffic. */
  address?: { host: string; port: number };
  /** The process that serves it, if it is the vault's own: it can be killed and started again. */
  server?: ServedVault;
}

/** Where vaults of one kind are made. */
export interface VaultMaker {
  /** What it is and, of a server, which one: `OpenBao 2.7.2`. */
  description: string;
  /** A new vault; its files are in this folder. Its handle is the caller's to close. */
  make(folder: string): Promise<ProvenVault>;
  close(): Promise<void>;
}

/** The vault's name in references. */
export const VAULT_NAME = "crash";

/** Every kind of vault that a proof can work on. */
export const VAULTS = {
  embedded: embeddedVaults,
  served: servedVaults,
  openbao: openBaoVaults,
  lockself: lockselfVaults,
};

export type VaultKind = keyof typeof VAULTS;

/** What a stack is configured with: `coffre:url` and the variables beside it. @param port of a proxy before a server */
export function configurationOf(opening: VaultOpening, port?: number): { url: string; env: Record<string, string> } {
  if (opening.kind === "embedded") return { url: `file://${opening.path}`, env: { COFFRE_KEY_FILE: opening.keyFile } };
  const { host } = new URL(port === undefined ? opening.origin : `http://127.0.0.1:${port}`);
  if (opening.kind === "served") return { url: `coffre+http://${host}`, env: { COFFRE_TOKEN_FILE: opening.tokenFile } };
  if (opening.kind === "lockself") {
    const { tokenFile, space } = opening;
    const env = { COFFRE_LOCKSELF_AUTH_TOKEN_FILE: tokenFile, COFFRE_LOCKSELF_LS_TOKEN_FILE: tokenFile };
    return { url: `lockself+http://${host}/${space}?settleMs=0`, env };
  }
  const url = `vault+http://${host}/${opening.mount}?allowPlainHttp=true`;
  return { url, env: { COFFRE_TOKEN_FILE: opening.tokenFile } };
}

/** The same vault behind a proxy on this port. */
export function through(opening: VaultOpening, port: number): VaultOpening {
  return opening.kind !== "embedded" ? { ...opening, origin: `http://127.0.0.1:${port}` } : opening;
}

async function embeddedVaults(): Promise<VaultMaker> {
  return { description: "embedded", make, close: async () => {} };

  async function make(folder: string): Promise<ProvenVault> {
    const keyFile = join(folder, "vault.key");
    const path = join(folder, "vault.db");
    writeKeyFile(keyFile, newKeyText());
    await createEmbeddedVault({ path, name: VAULT_NAME, key: { keyFile }, actor: "controller", clock: systemClock });
    const opening: VaultOpening = { kind: "embedded", path, keyFile };
    return { opening, vault: await openProvenVault(opening, "controller") };
  }
}

/** The embedded vault behind a `coffre serve` of its own. */
async function servedVaults(): Promise<VaultMaker> {
  const files = await embeddedVaults();
  const servers: ServedVault[] = [];
  return {
    description: "coffre serve",
    make,
    async close() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };

  async function make(folder: string): Promise<ProvenVault> {
    const { opening: file, vault: own } = await files.make(folder);
    await own.close();
    if (file.kind !== "embedded") throw new Error("a vault of another kind was made");
    const [token = ""] = await makeTokens(file, [{ user: "crash proof", role: "administrator", label: "crash proof" }]);
    const tokenFile = join(folder, "vault.token");
    writeKeyFile(tokenFile, new Secret(token));
    const server = await ServedVault.start(file, { args: ["--no-access-log", "--requests-per-minute", "1000000"] });
    servers.push(server);
    const opening = { kind: "served" as const, origin: server.origin, tokenFile };
    return {
      opening,
      vault: await openProvenVault(opening, "controller"),
      address: { host: "127.0.0.1", port: server.port },
      server,
    };
  }
}

async function openBaoVaults(): Promise<VaultMaker> {
  const server = await VaultServer.start();
  const { origin } = server;
  return { description: server.version, make, close: () => server.stop() };

  async function make(folder: string): Promise<ProvenVault> {
    const tokenFile = join(folder, "vault.token");
    writeKeyFile(tokenFile, new Secret(server.rootToken));
    const opening = { kind: "openbao" as const, origin, mount: await server.mount(), tokenFile };
    await createHashicorpVault({ ...placeOf(opening), name: VAULT_NAME, clock: systemClock });
    const address = { host: "127.0.0.1", port: Number(new URL(origin).port) };
    return { opening, vault: await openProvenVault(opening, "controller"), address };
  }
}

/** LockSelf's routes, as Coffre's own server speaks them. */
async function lockselfVaults(): Promise<VaultMaker> {
  const scene = await LockselfScene.start({ limits: { requestsPerMinute: 10_000_000 } });
  const { origin } = scene.server;
  let spaces = 0;
  return { description: "LockSelf's routes of Coffre's server", make, close: () => scene.close() };

  async function make(folder: string): Promise<ProvenVault> {
    const tokenFile = join(folder, "lockself.token");
    writeKeyFile(tokenFile, new Secret(scene.token));
    spaces += 1;
    const opening = { kind: "lockself" as const, origin, space: `space-${spaces}`, tokenFile };
    await createLockselfVault({ ...(await lockselfPlaceOf(opening)), name: VAULT_NAME, clock: systemClock });
    const address = { host: "127.0.0.1", port: Number(new URL(origin).port) };
    return { opening, vault: await openProvenVault(opening, "controller"), address };
  }
}
