import type * as pulumi from "@pulumi/pulumi";
import type { AnsibleTargetArgs } from "../target/ansible/schema.js";
import type { CommandTargetArgs } from "../target/command/schema.js";
import type { LinuxTargetArgs } from "../target/linux/schema.js";
import type { MysqlTargetArgs } from "../target/mysql/schema.js";
import type { PostgresTargetArgs } from "../target/postgres/schema.js";
import type { InputsOf } from "./inputs.js";

/** A system on which a credential's password is set and proven; made by functions such as {@link postgres}. */
export interface Target {
  /** Which driver it is for. */
  readonly kind: string;
  readonly [property: string]: pulumi.Input<unknown>;
}

/** What {@link postgres} takes: where the server is, who may change the role there, and what the role is to be. */
export type PostgresArgs = InputsOf<PostgresTargetArgs>;

/**
 * A role of a PostgreSQL server, 10 or newer. The credential's `username` is the role's name. The server gets a
 * verifier and never the password; the proof is a login whose answer only a server with that verifier can give.
 */
export function postgres(args: PostgresArgs): Target {
  return { ...args, kind: "postgres" };
}

/** What {@link mysql} takes: where the server is, who may change the account there, and what the account is to be. */
export type MysqlArgs = InputsOf<MysqlTargetArgs>;

/**
 * An account of a MariaDB server, 10.4 or newer; MySQL, which this kind is for too, isn't tested and is refused. The
 * credential's `username` is the user, `accountHost` the account's host. The server gets a hash and never the password; the
 * proof is a login that the server takes for this account.
 */
export function mysql(args: MysqlArgs): Target {
  return { ...args, kind: "mysql" };
}

/** What {@link linux} takes: where the machine is and how it is recognised, who may change the account, and what that is to be. */
export type LinuxArgs = InputsOf<LinuxTargetArgs>;

/**
 * An account of a Linux machine, over SSH. The credential's `username` is the account's name. The password is set by
 * `chpasswd` on its standard input; the proof is a login with it on a connection of its own.
 */
export function linux(args: LinuxArgs): Target {
  return { ...args, kind: "linux" };
}

/** What {@link command} takes: the device, the programs that look, set and prove, and who may change the account. */
export type CommandArgs = InputsOf<CommandTargetArgs>;

/**
 * An account of any device, by programs of your own. The credential's `username` is the account's name. The programs get
 * one line of JSON on standard input, and answer by exit code; they run only where `COFFRE_COMMANDS` allows them.
 */
export function command(args: CommandArgs): Target {
  return { ...args, kind: "command" };
}

/** What {@link ansible} takes: the host, the playbooks that look, set and prove, their inventory and variables. */
export type AnsibleArgs = InputsOf<AnsibleTargetArgs>;

/**
 * An account that a playbook of yours changes. The credential's `username` is the account's name. The playbook reads the
 * password by the lookup of `coffre.vault`, from an agent that knows nothing else and ends with the run; it stands in no variable. Playbooks
 * run only where `COFFRE_PLAYBOOKS` allows them.
 */
export function ansible(args: AnsibleArgs): Target {
  return { ...args, kind: "ansible" };
}
