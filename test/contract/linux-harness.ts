import { Secret } from "../../provider/core/secret.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import type { TargetLogin } from "../../provider/target/port.js";
import { type HostUser, type LinuxHost, type LinuxHosts, opensshLogsIn } from "../fixtures/linux-hosts.js";
import type { TargetHarness } from "./target-contract.js";

/** Who changes passwords on the suite's machines, by sudo without a password. */
export const ADMIN = { name: "keeper", password: "the keeper's first password", sudo: "free" } satisfies HostUser;

/** A real machine, seen by OpenSSH's own client and from inside: independent of the driver's connections. */
export class LinuxHarness implements TargetHarness {
  readonly driver = linuxDriver;
  readonly hosts: LinuxHosts;
  readonly host: LinuxHost;
  readonly admin: TargetLogin;

  constructor(hosts: LinuxHosts) {
    this.hosts = hosts;
    this.host = hosts.host;
    this.admin = this.login(ADMIN.name, ADMIN.password);
  }

  login(username: string, password: string, self = false): TargetLogin {
    return { username, password: new Secret(password), self };
  }

  description({ create = false } = {}): Record<string, unknown> {
    const { address, port, hostKey } = this.host;
    const admin = { username: ADMIN.name, passwordEnv: "NOT_READ_HERE" };
    return { host: address, port, hostKey, admin, ...(create ? { account: { create } } : {}) };
  }

  elsewhere(port: number): Record<string, unknown> {
    return { ...this.description(), host: "127.0.0.1", port };
  }

  async makeAccount(name: string, password: string): Promise<void> {
    await this.host.must(`useradd -m ${name} && chpasswd`, `${name}:${password}\n`);
  }

  async accountExists(name: string): Promise<boolean> {
    return (await this.host.exec(`getent passwd ${name}`)).exitCode === 0;
  }

  canLogIn(username: string, password: string): Promise<boolean> {
    const { address, port, hostKey } = this.host;
    return opensshLogsIn({ address, port, hostKey, username, password });
  }

  refusedLogins(user: string): Promise<number> {
    return this.host.refusedLogins({ user });
  }

  /** As a careless command line: sudo writes it down. */
  async writeDown(text: string): Promise<void> {
    await this.host.must(`runuser -u ${ADMIN.name} -- sudo -n true ${text}`);
  }

  async log(): Promise<string> {
    const inside = await this.host.must("cat /var/log/sudo.log /var/log/auth.log 2>/dev/null; true");
    return `${await this.host.log()}\n${inside}`;
  }

  async cutAdmin(): Promise<void> {
    const script = `for p in /proc/[0-9]*; do case "$(tr "\\0" " " <$p/cmdline)" in "sshd: ${ADMIN.name}"*) kill -9 \${p#/proc/};; esac; done`;
    await this.host.must(`${script}; true`);
  }

  stop(): Promise<void> {
    return this.hosts.stop();
  }
}
