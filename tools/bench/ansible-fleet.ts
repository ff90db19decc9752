import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { sha512Crypt } from "../../provider/core/sha512-crypt.js";
import { ensureAnsible } from "../ansible/environment.ts";
import { newKeyPair } from "../linux-hosts/key-pair.ts";
import { type LinuxHost, startHosts } from "../linux-hosts/hosts.ts";
import { run } from "../linux-hosts/run.ts";
import { onFreshVault } from "./fresh-vault.ts";
import { ACCOUNT, ADMIN, prepareHosts, rotateAll } from "./ssh-rotation.ts";
import { interleaved, median, timed } from "./statistics.ts";

const HOSTS = 50;
/** Hosts at once, for both. */
const AT_ONCE = 10;
const ROUNDS = 3;
/** As few as crypt takes: the floor doesn't wait for it. */
const HASH_ROUNDS = 1000;

/** Medians of a round over all hosts, milliseconds. */
export interface AnsibleFleetTimes {
  ansibleMs: number;
  oursMs: number;
}

/**
 * A new password on each of 50 Linux hosts: by Coffre, with journal and proof, and by a playbook with Ansible's `user` module, which
 * proves nothing and is given hashes that are made already. Both log in as an admin by a key, 10 hosts at a time; the playbook with pipelining and without facts.
 */
export async function measureAnsibleFleet(): Promise<AnsibleFleetTimes> {
  const bin = await ensureAnsible((line) => process.stderr.write(`${line}\n`));
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
      await writeProject(folder, hosts.all);
      const env = {
        PATH: [bin, process.env["PATH"] ?? ""].join(delimiter),
        HOME: folder,
        LANG: "C.UTF-8",
        ANSIBLE_PIPELINING: "1",
        ANSIBLE_SSH_COMMON_ARGS: `-o UserKnownHostsFile=${join(folder, "known_hosts")}`,
      };
      const words = ["-i", join(folder, "hosts.json"), "-f", String(AT_ONCE), join(folder, "user.json")];
      const floor = async () => {
        await writeInventory(folder, hosts.all, keyFile);
        return timed(() => run(join(bin, "ansible-playbook"), words, env));
      };
      const ours = () => timed(() => rotateAll(vault, ids, AT_ONCE));
      await interleaved(1, { floor, ours });
      const times = await interleaved(ROUNDS, { floor, ours });
      return { ansibleMs: median(times.floor), oursMs: median(times.ours) };
    });
  } finally {
    await hosts.stop();
  }
}

async function writeProject(folder: string, hosts: readonly LinuxHost[]): Promise<void> {
  const known = hosts.map(({ address, port, hostKey }) => `[${address}]:${String(port)} ${hostKey}\n`);
  const task = { name: "Set it", "ansible.builtin.user": { name: ACCOUNT, password: "{{ hash }}" } };
  const play = { hosts: "all", gather_facts: false, become: true, tasks: [task] };
  await writeFile(join(folder, "known_hosts"), known.join(""));
  await writeFile(join(folder, "user.json"), JSON.stringify([play]));
}

/** With another hash for each host, made here: it costs Ansible nothing, and needs no library beside it. */
async function writeInventory(folder: string, hosts: readonly LinuxHost[], keyFile: string): Promise<void> {
  const entries = hosts.map(({ name, address, port }) => {
    const hash = sha512Crypt(randomBytes(18).toString("base64url"), randomBytes(8).toString("hex"), HASH_ROUNDS);
    return [name, { ansible_host: address, ansible_port: port, hash }] as const;
  });
  const vars = {
    ansible_user: ADMIN,
    ansible_ssh_private_key_file: keyFile,
    ansible_python_interpreter: "/usr/bin/python3",
  };
  await writeFile(join(folder, "hosts.json"), JSON.stringify({ all: { hosts: Object.fromEntries(entries), vars } }));
}
