import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createHashicorpVault } from "../../provider/vault/hashicorp/create.js";
import { openHashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { VaultServer } from "../openbao/server.ts";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { CommandProcess } from "./command-process.ts";
import { type CountingProxy, startCountingProxy } from "./counting-proxy.ts";
import { prepareRoles } from "./postgres-roles.ts";

const MORE = 24;

/** Requests of `coffre rotate`, counted on their way to the server. */
export interface VaultRequests {
  /** Of each further credential. */
  perRotation: number;
  /** Of a process that rotates one credential, from its start to its end. */
  ofOneAlone: number;
  /** Method and path of those, ids left out. */
  asked: string[];
}

/**
 * Rotations of PostgreSQL roles that have a password already, their admin in the vault, the vault in a fresh OpenBao; each
 * `coffre rotate` is a process of its own, and everything that it asks is counted by a proxy before the server. A process
 * asks some things once: the server's state, its mount, the vault's identity, the directory, how long its token lives if it
 * takes longer, and for each admin the password and the booking of its one login. So one credential is rotated by one
 * process, then that and {@link MORE} more by another: the difference, shared by these, is what a rotation asks.
 */
export async function measureVaultRequests(): Promise<VaultRequests> {
  const folder = await mkdtemp(join(tmpdir(), "coffre-bench-"));
  const postgres = await startPostgres();
  try {
    const openbao = await VaultServer.start((line) => process.stderr.write(`${line}\n`));
    const proxy = await startCountingProxy(openbao.origin);
    try {
      return await count({ folder, postgres, openbao, proxy });
    } finally {
      await proxy.close();
      await openbao.stop();
    }
  } finally {
    await postgres.remove();
    await rm(folder, { recursive: true });
  }
}

async function count(scene: {
  folder: string;
  postgres: PostgresServer;
  openbao: VaultServer;
  proxy: CountingProxy;
}): Promise<VaultRequests> {
  const { folder, postgres, openbao, proxy } = scene;
  const mount = await openbao.mount();
  const login = { method: { by: "token" as const }, secret: () => new Secret(openbao.rootToken) };
  const place = { server: { origin: openbao.origin }, mount, root: [], login, clock: systemClock };
  await createHashicorpVault({ ...place, name: "bench" });
  const vault = openHashicorpVault({ ...place, actor: "bench" });
  const ids = await prepareRoles(postgres, vault, { count: 1 + MORE });
  await vault.close();
  const tokenFile = join(folder, "token");
  await writeFile(tokenFile, openbao.rootToken, { mode: 0o600 });
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    COFFRE_URL: `vault+http://${new URL(proxy.origin).host}/${mount}?allowPlainHttp=true`,
    COFFRE_TOKEN_FILE: tokenFile,
  };
  const asked = async (some: readonly string[]) => {
    proxy.take();
    await rotate(env, some);
    return proxy.take();
  };
  await rotate(env, ids);
  const one = await asked(ids.slice(0, 1));
  const all = await asked(ids);
  const shown = one.map((line) => line.replaceAll(mount, "<mount>").replace(/(credentials|logins)\/.*/, "$1/<id>"));
  return { perRotation: (all.length - one.length) / MORE, ofOneAlone: one.length, asked: shown };
}

async function rotate(env: Record<string, string>, ids: readonly string[]): Promise<void> {
  const command = new CommandProcess(env);
  try {
    const { exitCode } = await command.call(["rotate", ...ids]);
    if (exitCode !== 0) throw new Error(`coffre rotate ended with ${exitCode}`);
  } finally {
    await command.stop();
  }
}
