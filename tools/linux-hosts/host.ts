import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { removeTree } from "./base.ts";
import { type DiskOptions, writeDisk } from "./disk.ts";
import { countRefusals, type RefusalFilter } from "./refusals.ts";
import type { Way } from "./way.ts";
import { newKeyPair, publicLineOf } from "./key-pair.ts";

const START_MS = 15_000;
const POLL_MS = 5;

/** Inside the new namespaces: mounts (without waiting for the disk, where nothing is kept), names, then OpenSSH in the place of this shell, as the first process of the host. */
const START = `set -e
H=$1 BASE=$2 NAME=$3 WAY=$4 KEPT=$5 M=$H/m
options=lowerdir=$BASE,upperdir=$H/up,workdir=$H/work
[ "$WAY" = root ] || options=$options,userxattr
[ "$KEPT" = true ] || options=$options,volatile
rm -rf "$H/work/work/incompat"
mount -t overlay overlay -o "$options" "$M"
mount -t proc proc "$M/proc"
mount -t tmpfs -o mode=755 tmpfs "$M/run"
mkdir "$M/run/sshd"
if [ "$WAY" != root ]; then
  mount -t tmpfs -o mode=755 tmpfs "$M/dev"
  for node in null zero full tty random urandom; do : >"$M/dev/$node"; mount --bind "/dev/$node" "$M/dev/$node"; done
fi
mkdir -p "$M/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$M/dev/pts"
ln -sfn pts/ptmx "$M/dev/ptmx"
while read -r uid gid path; do
  chown -R "$uid:$gid" "$M$path"; chmod 755 "$M$path"; [ ! -d "$M$path/.ssh" ] || chmod 700 "$M$path/.ssh"
done <"$H/owned"
hostname "$NAME"
exec chroot "$M" /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config`;

/** How one host is to be; see {@link DiskOptions} for accounts, PAM and sshd. */
export interface HostOptions extends DiskOptions {
  /** Default: a free address of 127.64.0.0/10. */
  address?: string;
  /** Default 22022, since only root may have those below 1024. */
  port?: number;
  /** Its host name. Default: `host` and a number. */
  name?: string;
}

export interface HostSetting extends HostOptions {
  way: Exclude<Way, "stand-in">;
  base: string;
  /** Holds everything of this host: `up` (its disk), `log`. */
  folder: string;
  address: string;
  port: number;
  name: string;
  /** Goes on when this process ends, and is found again by its folder. */
  kept: boolean;
}

/** What an `exec` gave back. */
export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** One machine: OpenSSH, accounts and PAM of its own, at an address of its own. */
export class LinuxHost {
  readonly isStandIn = false;
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly folder: string;
  /** The public host key as `known_hosts` has it: `ssh-ed25519 AAAA…`. */
  hostKey = "";
  #setting: HostSetting;

  constructor(setting: HostSetting) {
    this.#setting = setting;
    this.address = setting.address;
    this.port = setting.port;
    this.name = setting.name;
    this.folder = setting.folder;
  }

  /** Makes the disk, or finds that of an earlier run, and starts the host unless it runs. */
  async open(): Promise<void> {
    if (existsSync(this.#path("up"))) this.hostKey = (await readFile(this.#path("host-key.pub"), "utf8")).trim();
    else await this.#make(undefined);
    if (this.#pid() === undefined) await this.start();
  }

  /** Starts it with the disk that it has, as after a power cut. */
  async start(): Promise<void> {
    const { way, base, kept } = this.#setting;
    const flags = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private"];
    if (way === "user-namespace") flags.unshift("--user", "--map-auto", "--map-root-user");
    const command = [
      "unshare",
      ...flags,
      "/bin/sh",
      "-c",
      START,
      "sh",
      this.folder,
      base,
      this.name,
      way,
      String(kept),
    ];
    // Ends with this process, whichever way that ends; one that is kept doesn't.
    if (!kept) command.unshift("setpriv", "--pdeathsig", "KILL", "--");
    const log = await open(this.#path("log"), "a", 0o600);
    const startedAt = (await log.stat()).size;
    const [file = "", ...args] = command;
    const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
    const child = spawn(file, args, { stdio: ["ignore", log.fd, log.fd], detached: true, env: environment, cwd: "/" });
    child.unref();
    await log.close();
    let failed: Error | undefined;
    child.once("error", (error) => (failed = error));
    await writeFile(this.#path("pid"), String(child.pid ?? 0));
    const until = Date.now() + START_MS;
    while (!(await this.#greets())) {
      if (failed) throw failed;
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > until) {
        await this.kill();
        throw new Error(
          `The host ${this.name} (${this.address}) didn't start:\n${(await this.log()).slice(startedAt)}`,
        );
      }
      await delay(POLL_MS);
    }
  }

  /** Pulls the plug: every process of it is gone at once, its disk stays. */
  async kill(): Promise<void> {
    const pid = this.#pid();
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL"); // TERM is ignored by `unshare --fork`
    while (this.#pid() !== undefined || (await this.#greets())) await delay(POLL_MS);
  }

  /** Freezes it: connections come about and nothing is answered, until {@link resume}. */
  pause(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  /** Another machine at the same address: a new disk and, unless `sameHostKey`, a new host key. */
  async recreate(options: HostOptions & { sameHostKey?: boolean } = {}): Promise<void> {
    await this.kill();
    const key =
      options.sameHostKey === true ? await readFile(this.#path("up/etc/ssh/ssh_host_ed25519_key"), "utf8") : undefined;
    await removeTree(this.#setting.way, this.#path("up"));
    await removeTree(this.#setting.way, this.#path("work"));
    const { address, port, name } = this;
    this.#setting = { ...this.#setting, ...options, address, port, name };
    await this.#make(key);
    await this.start();
  }

  /** Runs a command inside, as root; nothing of it goes over SSH. */
  exec(command: string, stdin = ""): Promise<Ran> {
    const init = this.#init();
    const flags = ["--target", String(init), "--mount", "--uts", "--ipc", "--pid", "--root", "--wdns=/"];
    if (this.#setting.way === "user-namespace") flags.push("--user", "--setuid", "0", "--setgid", "0");
    return new Promise((resolve, reject) => {
      const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
      const child = spawn("nsenter", [...flags, "/bin/sh", "-c", command], { env: environment });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.on("error", reject);
      child.on("close", (code) => resolve({ exitCode: code ?? 1, stdout, stderr }));
      child.stdin.on("error", () => {}); // a command that reads nothing
      child.stdin.end(stdin);
    });
  }

  /** The same, where anything but success is a mistake of the test. @returns stdout */
  async must(command: string, stdin = ""): Promise<string> {
    const { exitCode, stdout, stderr } = await this.exec(command, stdin);
    if (exitCode !== 0) throw new Error(`"${command}" ended with ${String(exitCode)} on ${this.name}: ${stderr}`);
    return stdout;
  }

  /** What sshd has written so far, over all starts. */
  log(): Promise<string> {
    return readFile(this.#path("log"), "utf8").catch(() => "");
  }

  /** How many logins sshd has refused, as a watcher of its log (fail2ban) would count them. */
  async refusedLogins(filter: RefusalFilter = {}): Promise<number> {
    return countRefusals(await this.log(), filter);
  }

  /** Ends it and removes everything of it. */
  async remove(): Promise<void> {
    await this.kill();
    await removeTree(this.#setting.way, this.folder);
  }

  async #make(hostKey: string | undefined): Promise<void> {
    for (const name of ["up", "work", "m"]) await mkdir(this.#path(name), { recursive: true, mode: 0o755 });
    const key = hostKey ?? newKeyPair().private;
    this.hostKey = publicLineOf(key);
    await writeFile(this.#path("host-key.pub"), `${this.hostKey}\n`);
    const hostKeys = { private: key, public: this.hostKey };
    const owned = await writeDisk({ ...this.#setting, upper: this.#path("up"), hostKeys });
    await writeFile(this.#path("owned"), owned.map((line) => `${line}\n`).join(""));
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  /** The `unshare` that holds the host, while it runs. */
  #pid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.#path("pid"), "utf8"));
      const command = readFileSync(`/proc/${String(pid)}/cmdline`, "utf8");
      return command.includes(this.folder) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** The host's first process, by its number outside. */
  #init(): number {
    const pid = this.#pid() ?? 0;
    const init = childrenOf(pid)[0];
    if (init === undefined) throw new Error(`The host ${this.name} doesn't run.`);
    return init;
  }

  /** To every process of it, the first one first: it starts no more then. */
  #signal(signal: NodeJS.Signals): void {
    const send = (pid: number): void => {
      try {
        process.kill(pid, signal);
      } catch {
        return; // it has just ended
      }
      childrenOf(pid).forEach(send);
    };
    send(this.#init());
  }

  /** Whether OpenSSH answers. */
  #greets(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.address, port: this.port });
      const end = (answer: boolean) => {
        socket.destroy();
        resolve(answer);
      };
      socket.setTimeout(2_000, () => end(false));
      socket.on("error", () => end(false));
      socket.on("close", () => end(false));
      socket.once("data", (chunk) => end(chunk.toString().startsWith("SSH-")));
    });
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8");
    return text
      .split(" ")
      .filter((part) => part.trim() !== "")
      .map(Number);
  } catch {
    return [];
  }
}
