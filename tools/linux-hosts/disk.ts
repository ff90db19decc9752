import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha512Crypt } from "../../provider/core/sha512-crypt.ts";

const FIRST_UID = 1001;
const DAY_MS = 86_400_000;
/** A hash that is quick to make and to check: the hosts' passwords guard nothing. */
const QUICK_ROUNDS = 1000;

/** An account that a host has from the start. */
export interface HostUser {
  /** `root` is the root that every host has. */
  name: string;
  /** Default: none, so that only a key gets in. */
  password?: string;
  /** In the form of `/etc/shadow`, as user-data gives it to a machine. */
  passwordHash?: string;
  /** Lines of `~/.ssh/authorized_keys`. */
  authorizedKeys?: readonly string[];
  /** Default `/bin/bash`. */
  shell?: string;
  /** Groups that exist already, for example `sudo`. */
  groups?: readonly string[];
  /** `free`: all, without a password. `password`: all, with its own. Anything else: a rule, for example `ALL=(root) NOPASSWD: /usr/bin/id`. */
  sudo?: string;
  /** Lines of `~/.bashrc`, which OpenSSH's shells read for every command. */
  bashrc?: string;
  locked?: boolean;
  /** The account, not the password: since yesterday. */
  expired?: boolean;
  /** The password must be changed at the next login. */
  mustChange?: boolean;
  /** Days that a password must be kept. */
  minimumDays?: number;
}

/** What `PAM` says to passwords. */
export interface HostPam {
  /** Arguments of pam_pwquality, for example `minlen=20 enforce_for_root`. Default: the module isn't asked. */
  quality?: string;
  /** How many earlier passwords are remembered and refused, root's included. Default 0. */
  history?: number;
  /** `quick`: sha512 with few rounds, for tests. `debian`: what the system takes by default. Default `quick`. */
  hash?: "quick" | "debian";
}

export interface DiskOptions {
  users?: readonly HostUser[];
  pam?: HostPam;
  /** Lines of sshd_config, which win over the tool's own. */
  sshd?: readonly string[];
  /** More files by path. */
  files?: Readonly<Record<string, string>>;
}

export interface Disk extends DiskOptions {
  /** The upper layer's folder. */
  upper: string;
  /** The base's folder. */
  base: string;
  name: string;
  address: string;
  port: number;
  hostKeys: { private: string; public: string };
}

/** Writes what makes this host another than its base. @returns lines `uid gid path` of what isn't root's */
export async function writeDisk(disk: Disk): Promise<string[]> {
  const accounts = await accountFiles(disk);
  const files: Record<string, string> = {
    "/etc/hostname": `${disk.name}\n`,
    "/etc/hosts": `127.0.0.1 localhost\n${disk.address} ${disk.name}\n`,
    "/etc/ssh/ssh_host_ed25519_key": disk.hostKeys.private,
    "/etc/ssh/ssh_host_ed25519_key.pub": `${disk.hostKeys.public}\n`,
    "/etc/ssh/sshd_config": sshdConfig(disk),
    "/etc/pam.d/common-auth": COMMON_AUTH,
    "/etc/pam.d/common-password": commonPassword(disk.pam ?? {}),
    ...accounts.files,
    ...disk.files,
  };
  for (const [path, text] of Object.entries(files)) await put(join(disk.upper, path), text);
  return accounts.owned;
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const isPrivate = /_key$|sudoers\.d|shadow$/.test(path);
  const mode = isPrivate ? (path.includes("sudoers") ? 0o440 : 0o600) : 0o644;
  await writeFile(path, text, { mode });
  await chmod(path, mode); // whatever the umask is
}

function sshdConfig({ address, port, sshd = [] }: Disk): string {
  return [
    ...sshd,
    `ListenAddress ${address}`,
    `Port ${String(port)}`,
    "HostKey /etc/ssh/ssh_host_ed25519_key",
    "PidFile none",
    "UsePAM yes",
    "UseDNS no",
    "PasswordAuthentication yes",
    "KbdInteractiveAuthentication no",
    "PrintMotd no",
    "AcceptEnv LANG LC_*",
    // Of all settings the one whose last mention counts.
    ...(sshd.some((line) => line.startsWith("MaxStartups")) ? [] : ["MaxStartups 100"]),
    "LoginGraceTime 30",
    "Subsystem sftp internal-sftp",
    "",
  ].join("\n");
}

// As Debian's, without the two seconds that a refused login is made to wait.
const COMMON_AUTH = `auth [success=1 default=ignore] pam_unix.so nullok nodelay
auth requisite pam_deny.so
auth required pam_permit.so
`;

function commonPassword({ quality, history = 0, hash = "quick" }: HostPam): string {
  const lines: string[] = [];
  if (quality !== undefined) lines.push(`password requisite pam_pwquality.so retry=3 ${quality}`);
  if (history > 0) {
    const chained = lines.length === 0 ? "" : " use_authtok";
    lines.push(`password requisite pam_pwhistory.so remember=${String(history)} enforce_for_root${chained}`);
  }
  const chained = lines.length === 0 ? "" : " use_authtok try_first_pass";
  const method = hash === "quick" ? `sha512 rounds=${String(QUICK_ROUNDS)}` : "yescrypt";
  lines.push(`password [success=1 default=ignore] pam_unix.so obscure${chained} ${method}`);
  return `${lines.join("\n")}\npassword requisite pam_deny.so\npassword required pam_permit.so\n`;
}

async function accountFiles({ base, users = [] }: Disk) {
  const [passwd, group, shadow] = await Promise.all(
    ["passwd", "group", "shadow"].map((name) => readFile(join(base, "etc", name), "utf8").catch(() => "")),
  );
  const files: Record<string, string> = {};
  const owned: string[] = [];
  const lines = { passwd: passwd ?? "", group: group ?? "", shadow: shadow || "root:*:19000:0:99999:7:::\n" };
  for (const [index, user] of users.entries()) {
    const id = user.name === "root" ? 0 : FIRST_UID + index;
    const home = id === 0 ? "/root" : `/home/${user.name}`;
    const shadowLine = `${shadowOf(user)}\n`;
    if (id === 0) {
      lines.shadow = lines.shadow.replace(/^root:.*\n/m, () => shadowLine);
    } else {
      lines.passwd += `${user.name}:x:${String(id)}:${String(id)}::${home}:${user.shell ?? "/bin/bash"}\n`;
      lines.group += `${user.name}:x:${String(id)}:\n`;
      lines.shadow += shadowLine;
    }
    for (const name of user.groups ?? []) {
      lines.group = lines.group.replace(
        new RegExp(`^(${name}:.*:)(.*)$`, "m"),
        (_line, start: string, members: string) =>
          [start, [members, user.name].filter((member) => member !== "").join(",")].join(""),
      );
    }
    if (user.authorizedKeys) files[`${home}/.ssh/authorized_keys`] = `${user.authorizedKeys.join("\n")}\n`;
    files[`${home}/.bashrc`] = user.bashrc ?? "";
    if (user.sudo !== undefined) files[`/etc/sudoers.d/${user.name}`] = `${user.name} ${sudoRule(user.sudo)}\n`;
    if (id !== 0) owned.push(`${String(id)} ${String(id)} ${home}`);
  }
  files["/etc/passwd"] = lines.passwd;
  files["/etc/group"] = lines.group;
  files["/etc/shadow"] = lines.shadow;
  return { files, owned };
}

function sudoRule(sudo: string): string {
  if (sudo === "free") return "ALL=(ALL:ALL) NOPASSWD: ALL";
  return sudo === "password" ? "ALL=(ALL:ALL) ALL" : sudo;
}

function shadowOf(user: HostUser): string {
  const today = Math.floor(Date.now() / DAY_MS);
  const hash = user.passwordHash ?? (user.password === undefined ? "*" : quickHash(user.password));
  const changed = user.mustChange === true ? 0 : today;
  const fields = [
    user.name,
    `${user.locked === true ? "!" : ""}${hash}`,
    changed,
    user.minimumDays ?? 0,
    99_999,
    7,
    "",
    user.expired === true ? today - 1 : "",
    "",
  ];
  return fields.join(":");
}

function quickHash(password: string): string {
  return sha512Crypt(password, randomBytes(8).toString("hex"), QUICK_ROUNDS);
}
