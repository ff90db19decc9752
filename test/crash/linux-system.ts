import ssh2 from "ssh2";
import { verify } from "unixcrypt";
import type { LinuxHost } from "../../tools/linux-hosts/hosts.ts";
import { newPassword } from "./linux-scenarios.ts";
import type { System } from "./system.ts";
import type { World } from "./world.ts";

const ADMIN = "crash_admin";

/** A machine for one point: real OpenSSH, accounts and PAM. */
export class LinuxSystem implements System {
  readonly #host: LinuxHost;
  readonly #keyFile: string;

  private constructor(host: LinuxHost, keyFile: string) {
    this.#host = host;
    this.#keyFile = keyFile;
  }

  static async start(world: World): Promise<LinuxSystem> {
    const { hosts, publicKey, keyFile } = await world.machines();
    const host = await hosts.add({ users: [{ name: ADMIN, sudo: "free", authorizedKeys: [publicKey] }] });
    return new LinuxSystem(host, keyFile);
  }

  get address(): { host: string; port: number } {
    return { host: this.#host.address, port: this.#host.port };
  }

  get hostKey(): string {
    return this.#host.hostKey;
  }

  /** The part of a target's description that says who sets it. */
  get byKey() {
    return { admin: { username: ADMIN, keyFile: this.#keyFile } };
  }

  /** @returns its password */
  async addAccount(name: string): Promise<string> {
    const password = newPassword();
    await this.#host.must(`useradd -m -s /bin/bash ${name} && chpasswd -c SHA512 -s 1000`, `${name}:${password}\n`);
    return password;
  }

  async verifiers(users: readonly string[]): Promise<Map<string, string | undefined>> {
    const shadow = await this.#host.must("cat /etc/shadow");
    const found = new Map<string, string | undefined>();
    for (const line of shadow.split("\n")) {
      const [user = "", hash = ""] = line.split(":");
      if (users.includes(user)) found.set(user, hash.startsWith("$") ? hash : undefined);
    }
    return found;
  }

  isMadeOf(verifier: string, password: string): boolean {
    return verify(password, verifier);
  }

  logsIn(username: string, password: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const client = new ssh2.Client();
      const end = (answer: boolean) => {
        client.end();
        resolve(answer);
      };
      client.on("ready", () => end(true));
      client.on("error", (error) => {
        if (error.level === "client-authentication") end(false);
        else reject(error);
      });
      const { host, port } = this.address;
      client.connect({ host, port, username, password, authHandler: ["password"], tryKeyboard: false });
    });
  }

  /** Of the whole machine: a watcher of its log would count them by source, whichever account they were for. */
  refusedLogins(): Promise<number> {
    return this.#host.refusedLogins();
  }

  close(): Promise<void> {
    return this.#host.remove();
  }
}
