import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Secret } from "../../provider/core/secret.js";
import { findWay, type LinuxHost, type LinuxHosts, startHosts } from "../../tools/linux-hosts/hosts.ts";
import type { PulumiProject } from "../fixtures/pulumi-project.ts";
import { inVault, type TestVault } from "../stack/harness.ts";
import type { LeakSearch } from "./search.ts";

const OPS_FILE = "ops.password";
/** Where the control is planted on the machine. */
const PLANTED = ["/tmp/planted", "/var/log/planted", "/home/svc/.bash_history"] as const;

/**
 * A real machine in the stack whose traces are searched: one account that is set by an admin, whose own password sudo asks
 * for, and one that logs in by itself, first with the password that it had before.
 */
export class Machine {
  /** The passwords that are known before the vault draws one. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Values that the vault draws in three rotations. */
  readonly drawn = 6;
  readonly #hosts: LinuxHosts;
  readonly #host: LinuxHost;
  readonly #opsFile: string;

  private constructor(hosts: LinuxHosts, host: LinuxHost, secrets: Record<string, string>, opsFile: string) {
    this.#hosts = hosts;
    this.#host = host;
    this.secrets = secrets;
    this.#opsFile = opsFile;
  }

  /** @returns `undefined` where no real machine can be made */
  static async start(project: PulumiProject, vault: TestVault): Promise<Machine | undefined> {
    if (findWay().way === "stand-in") return undefined;
    const [ops, first] = [newPassword(), newPassword()];
    const users = [
      { name: "ops", password: ops, sudo: "password" },
      { name: "svc", password: first },
    ];
    const hosts = await startHosts({ users });
    await project.write({ [OPS_FILE]: ops });
    const initial = { value: new Secret(first), causes: [] };
    await inVault(vault, (opened) => opened.createCredentials([{ name: "svc-first", categoryId: null, initial }]));
    const secrets = { "the machine's admin": ops, "the machine's first password": first };
    return new Machine(hosts, hosts.host, secrets, join(project.folder, OPS_FILE));
  }

  /** Its part of the program. */
  program(trigger: string): string {
    const { address: host, port, hostKey } = this.#host;
    const place = JSON.stringify({ host, port, hostKey }).slice(1, -1);
    const rotated = `rotateWhenChanged: { n: ${JSON.stringify(trigger)} }`;
    return `new coffre.Credential("vm-deploy", {
  username: "deploy", ${rotated},
  target: coffre.linux({
    ${place}, admin: { username: "ops", passwordFile: ${JSON.stringify(this.#opsFile)} }, account: { create: true },
  }),
});
new coffre.Credential("vm-svc", {
  username: "svc", ${rotated}, target: coffre.linux({ ${place}, initialRef: "coffre://prod/svc-first" }),
});
`;
  }

  /** The file beside the program that may hold a password. */
  get file(): string {
    return this.#opsFile;
  }

  /** Leaves the control where a leak would be. */
  async plant(control: string): Promise<void> {
    for (const path of PLANTED) await this.#host.must(`cat > ${path}`, control);
  }

  /** All that was ever written on the machine, and what its sshd said. */
  async search(search: LeakSearch): Promise<void> {
    search.inFolder(join(this.#host.folder, "up"));
    search.in("sshd's log", await this.#host.log());
  }

  /** Where the control must have been found. */
  get planted(): readonly string[] {
    return PLANTED.map((path) => join(this.#host.folder, "up", path));
  }

  async stop(): Promise<void> {
    await this.#hosts.stop();
  }
}

/** One that Debian's PAM and sudo take. */
function newPassword(): string {
  return randomBytes(18).toString("base64url");
}
