import type { Power, RootShell } from "./power.js";
import { CoffreError } from "../../core/errors.js";
import type { TargetSpec } from "../port.js";
import type { LinuxTarget } from "./schema.js";
import { DISABLED_DAY, LONGEST_WITHOUT_HASH, MARKS, otherOf } from "./marks.js";

/** What the machine says of an account and of itself. No part of a password's hash is in it. */
export interface Facts {
  power: Power;
  /** `undefined`: there is no such account. */
  account:
    | {
        uid: number;
        shell: string;
        shellRuns: boolean;
        gecos: string;
        /** `off`: a hash that is locked. `none`: no password was ever set, so that none can be right. */
        password: "set" | "locked" | "none" | "empty" | "unknown";
        /** Days since 1970, as the machine counts them: the password must be changed if 0. */
        changedDay: number | undefined;
        /** The account itself ends on this day. */
        expireDay: number | undefined;
      }
    | undefined;
  today: number;
  /** Groups that are to be and don't exist. */
  missingGroups: string[];
  /** The declared shell can't be run. */
  noSuchShell: boolean;
  /** `/etc/nologin` or `/run/nologin`: nobody but root gets in. */
  closed: boolean;
  /** sshd's settings for root; only asked for root. */
  root: { permitted: string; password: boolean } | undefined;
}

/** Asks everything at once. @throws Refusal; SshError; CoffreError BAD_RESPONSE */
export async function readFacts(shell: RootShell, spec: TargetSpec, target: LinuxTarget): Promise<Facts> {
  const { command, power, said } = await shell.start(factsScript(spec, target), spec.limits.connectMs / 2000);
  command.endInput();
  await command.end();
  return parseFacts(said("stdout"), power, spec);
}

// Nothing of a hash is printed: whether there is one, and how long it is. No quote and no backslash: see RootShell.
function factsScript({ username, address }: TargetSpec, { account = {} }: LinuxTarget): string {
  const shell = account.shell;
  return [
    `p=$(getent passwd ${username}) && echo passwd "$p"`,
    `s=$(getent shadow ${username}) && { h=\${s#*:}; r=\${h#*:}; h=\${h%%:*}; case "$h" in "") k=empty;; [.-9A-z$]*) k=set;; *) k=off;; esac; echo shadow $k \${#h} "$r"; }`,
    `w=\${p##*:}; test -x "\${w:-/bin/sh}" && echo runs`,
    ...(account.groups ?? []).map((group) => `getent group ${group} >/dev/null || echo nogroup ${group}`),
    ...(shell === undefined ? [] : [`test -x ${shell} || echo noshell`]),
    "if test -e /etc/nologin || test -e /run/nologin; then echo closed; fi",
    "echo today $(( $(date +%s) / 86400 ))",
    ...(username === "root"
      ? [
          `sshd -T -C user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=${address.port} 2>/dev/null | grep -E "^(permitrootlogin|passwordauthentication|kbdinteractiveauthentication) "`,
        ]
      : []),
    "echo end",
  ].join("; ");
}

function parseFacts(text: string, power: Power, spec: TargetSpec): Facts {
  const lines = text.split("\n");
  if (!lines.includes("end")) {
    throw new CoffreError("BAD_RESPONSE", `The machine's answer about ${spec.account} is cut short`, {
      hint: "Is it out of memory or processes? Its shell must be able to run getent, cut and date.",
    });
  }
  const field = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const settings = field("permitrootlogin");
  return {
    power,
    account: accountOf(field("passwd"), field("shadow"), lines.includes("runs")),
    today: Number(field("today")),
    missingGroups: lines.flatMap((line) => (line.startsWith("nogroup ") ? [line.slice("nogroup ".length)] : [])),
    noSuchShell: lines.includes("noshell"),
    closed: lines.includes("closed"),
    root:
      settings === undefined
        ? undefined
        : {
            permitted: settings,
            password: [field("passwordauthentication"), field("kbdinteractiveauthentication")].includes("yes"),
          },
  };
}

function accountOf(passwd: string | undefined, shadow: string | undefined, shellRuns: boolean): Facts["account"] {
  if (passwd === undefined) return undefined;
  const [, , uid, , gecos = "", , shell = ""] = passwd.split(":");
  const [, kind, length, rest = ""] = /^(\S+) (\d+) (.*)$/.exec(shadow ?? "") ?? [];
  const [changed, , , , , expire] = rest.split(":");
  const off = Number(length) > LONGEST_WITHOUT_HASH ? "locked" : "none";
  const password = kind === "off" ? off : kind === "set" || kind === "empty" ? kind : "unknown";
  return {
    uid: Number(uid),
    shell: shell === "" ? "/bin/sh" : shell,
    shellRuns,
    gecos,
    password,
    changedDay: dayOf(changed),
    expireDay: dayOf(expire),
  };
}

function dayOf(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}

/** Only if it still is as Coffre left it: marked, locked, and ended on that very day. */
export function isDisabledByCoffre({ gecos, password, expireDay }: NonNullable<Facts["account"]>): boolean {
  const isLocked = password === "locked" || password === "none";
  return otherOf(gecos).includes(MARKS.disabled) && isLocked && expireDay === DISABLED_DAY;
}
