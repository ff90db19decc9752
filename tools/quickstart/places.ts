import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { passableFolder, unprivilegedAccount } from "../postgres/unprivileged.ts";

export const ROOT = resolve(import.meta.dirname, "../..");

/** Name of the vault and of the Pulumi stack. */
export const NAME = "quickstart";

type Environment = Readonly<Record<string, string | undefined>>;

/** Everything that the quickstart makes, in one place, so that it can be said first and removed at the end. */
export interface Places {
  /** The vault, the database, Pulumi's state: removed as a whole by `--destroy`. */
  data: string;
  vault: string;
  /** Apart from the vault, as `coffre vault init` does it. */
  key: string;
  /** In `data`, unless the account that PostgreSQL needs can't get there. */
  postgres: string;
  /** Password of the database's superuser, mode 0600. */
  adminPassword: string;
  /** The machine's disk and log. */
  machine: string;
  /** Private key of the machine's admin, mode 0600. */
  machineKey: string;
  /** Holds the machine's address on loopback, so that it stays the same. */
  machineAddress: string;
  /** What OpenSSH's client needs; no password is in any of them. */
  sshConfig: string;
  sshKnownHosts: string;
  sshAskpass: string;
  state: string;
  pulumiHome: string;
  /** What Pulumi would encrypt secrets of its state with, mode 0600. */
  passphrase: string;
  /** In the checkout: which vault and key `coffre` uses here. */
  configuration: string;
  /** Where coffre remembers how far vaults had come; not the quickstart's alone. */
  remembered: string;
  /** In the checkout: the stack's configuration. */
  stackFile: string;
}

export function findPlaces(env: Environment = process.env): Places {
  const home = env["HOME"] || homedir();
  const folder = (variable: string, otherwise: string) => {
    const named = env[variable];
    return join(named !== undefined && isAbsolute(named) ? named : join(home, otherwise), "coffre");
  };
  const data = join(folder("XDG_DATA_HOME", ".local/share"), NAME);
  return {
    data,
    vault: join(data, "vault.db"),
    key: join(folder("XDG_CONFIG_HOME", ".config"), `${NAME}.key`),
    postgres: postgresFolder(join(data, "postgres")),
    adminPassword: join(data, "postgres-admin-password"),
    machine: join(data, "machine"),
    machineKey: join(data, "machine-admin-key"),
    machineAddress: join(data, "machine-address"),
    sshConfig: join(data, "ssh-config"),
    sshKnownHosts: join(data, "ssh-known-hosts"),
    sshAskpass: join(data, "ssh-askpass"),
    state: join(data, "pulumi-state"),
    pulumiHome: join(data, "pulumi-home"),
    passphrase: join(data, "pulumi-passphrase"),
    configuration: join(ROOT, "coffre.yaml"),
    remembered: folder("XDG_STATE_HOME", ".local/state"),
    stackFile: join(ROOT, `Pulumi.${NAME}.yaml`),
  };
}

/** True if there is anything of the quickstart. */
export function isUp({ data, key, stackFile }: Places): boolean {
  return [data, key, stackFile].some((path) => existsSync(path));
}

function postgresFolder(wanted: string): string {
  const account = unprivilegedAccount();
  // The folder above it will be the user's alone, whether it is there yet or not.
  return account === undefined ? wanted : passableFolder(wanted);
}

/** A path as people write it: below the home folder with `~`. */
export function shortPath(path: string, env: Environment = process.env): string {
  const home = env["HOME"] || homedir();
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
