import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import ssh2 from "ssh2";
import { systemClock } from "../../provider/core/clock.js";
import { commandCause } from "../../provider/rotation/causes.js";
import { closeRotationContext, createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import type { Vault } from "../../provider/vault/port.js";
import { type LinuxHost, startHosts } from "../linux-hosts/hosts.ts";
import { onFreshVault } from "./fresh-vault.ts";
import { eachAtOnce } from "./pool.ts";
import { interleaved, median, timed } from "./statistics.ts";
import { newKeyPair } from "../linux-hosts/key-pair.ts";

const HOSTS = 20;
/** Hosts at once, for both. */
const AT_ONCE = 4;
const ROUNDS = 5;
/** Who logs in by a key, and whose password is changed, on the hosts of a bench. */
export const ADMIN = "admin";
export const ACCOUNT = "deploy";

/** Medians of a round over all hosts, milliseconds. */
export interface SshRotationTimes {
  bareMs: number;
  oursMs: number;
}

/**
 * One password on each of 20 Linux hosts, against the bare minimum by the same library, interleaved, as many at once. Both
 * log in as an admin by a key, give `chpasswd` the password by sudo, and log in with it on a second connection. Ours adds
 * the look, the refused `none`, and the journal in an embedded vault with full sync; vault and process are warm.
 */
export async function measureSshRotation(): Promise<SshRotationTimes> {
  const key = newKeyPair();
  const users = [
    { name: ADMIN, sudo: "free", authorizedKeys: [key.public] },
    { name: ACCOUNT, password: randomBytes(18).toString("base64url") },
  ];
  const hosts = await startHosts({ count: HOSTS, users, pam: { hash: "debian" } });
  try {
    return await onFreshVault(async (vault, _reopen, folder) => {
      const keyFile = join(folder, "admin-key");
      await writeFile(keyFile, key.private, { mode: 0o600 });
      const ids = await prepareHosts(hosts.all, vault, keyFile);
      const floor = () => timed(() => eachAtOnce(hosts.all, AT_ONCE, (host) => rotateBarely(host, key.private)));
      const ours = () => timed(() => rotateAll(vault, ids, AT_ONCE));
      await interleaved(1, { floor, ours });
      const times = await interleaved(ROUNDS, { floor, ours });
      return { bareMs: median(times.floor), oursMs: median(times.ours) };
    });
  } finally {
    await hosts.stop();
  }
}

/** An entry for the account of each host. @returns their ids */
export async function prepareHosts(hosts: readonly LinuxHost[], vault: Vault, keyFile: string): Promise<string[]> {
  const made = await vault.createCredentials(
    hosts.map(({ address, port, hostKey, name }) => {
      const declared = { host: address, port, hostKey, admin: { username: ADMIN, keyFile } };
      const { kind, account, description } = linuxDriver.parse(declared, ACCOUNT);
      const target = { kind, account, description, accountMade: false };
      return { name, categoryId: null, username: ACCOUNT, targets: [target] };
    }),
  );
  return made.map(({ id }) => id);
}

/** Rotates them, so many at once, in this process. */
export async function rotateAll(vault: Vault, ids: readonly string[], atOnce: number): Promise<void> {
  const context = createRotationContext({ vault, drivers: [linuxDriver], clock: systemClock });
  await eachAtOnce(ids, atOnce, async (id) => void (await reachCauses(context, id, [commandCause()])));
  await closeRotationContext(context);
}

async function rotateBarely({ address: host, port }: LinuxHost, privateKey: string): Promise<void> {
  const password = randomBytes(18).toString("base64url");
  const admin = await login({ host, port, username: ADMIN, privateKey });
  await run(admin, "sudo -n /usr/sbin/chpasswd", `${ACCOUNT}:${password}\n`);
  const proof = await login({ host, port, username: ACCOUNT, password, authHandler: ["password"] });
  proof.end();
  admin.end();
}

function login(config: ssh2.ConnectConfig): Promise<ssh2.Client> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on("error", reject);
    client.on("ready", () => resolve(client));
    client.connect(config);
  });
}

function run(client: ssh2.Client, command: string, stdin: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      channel.resume();
      channel.on("exit", (code: number | null) => {
        if (code === 0) resolve();
        else reject(new Error(`${command} ended with ${String(code)}`));
      });
      channel.end(stdin);
    });
  });
}
