import * as z from "zod";
import { PRINTABLE_ASCII } from "../../core/alphabet.js";
import { CoffreError } from "../../core/errors.js";
import type { TargetSpec } from "../port.js";
import { accountOf } from "../common/address.js";
import { adminKey, adminOf, hasAdmin, refuseAdminClashes } from "../common/admin.js";
import { issueText } from "../../core/issue-text.js";
import { invalidDescription } from "../common/description-errors.js";
import { Host, Milliseconds, OnDelete, Port, Reference, WaitFor } from "../common/fields.js";
import { isHostKey } from "./host-key.js";
import { accountNameProblem, isPath, isPublicKeyLine } from "./names.js";

const DEFAULT_PORT = 22;
const DEFAULT_CONNECT_MS = 20_000;
const DEFAULT_SET_MS = 30_000;
const DEFAULT_VERIFY_MS = 20_000;
const DESCRIBED = {
  name: "Linux",
  page: "docs/targets/linux.md",
};

const AccountName = z.string().superRefine((name, context) => {
  const problem = accountNameProblem(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

const HostKey = z.string().refine(isHostKey, {
  message: 'must be a public key ("ssh-ed25519 AAAA…", as in known_hosts) or its fingerprint ("SHA256:…")',
});

/**
 * What a stack declares to have a Linux account's password changed and proven over SSH, and what the vault keeps of it. No
 * secret has a place in it.
 */
export const LinuxTarget = z
  .strictObject({
    /** Name or IP address of the machine. */
    host: Host,
    /** TCP port of its SSH server. Default 22. */
    port: Port.default(DEFAULT_PORT),
    /**
     * The machine's host key: a line as in known_hosts without the name (`ssh-ed25519 AAAA…`), or its fingerprint
     * (`SHA256:…`). Several, while it changes.
     */
    hostKey: z.union([HostKey, z.array(HostKey).min(1)]).optional(),
    /** File in the form of known_hosts that names the machine, read where Coffre runs. */
    knownHostsFile: z.string().min(1).optional(),
    /**
     * Take the host key that the machine shows first, keep it with the entry, and hold the machine to it from then on.
     * Whoever answers that first time is believed.
     */
    trustOnFirstUse: z.literal(true).optional(),
    /**
     * Reference (`coffre://…`) of the credential that logs in to change the password; its value is a password or a private
     * key without passphrase. Not together with `admin`.
     */
    adminRef: Reference.optional(),
    /**
     * The account that logs in to change the password, if its password isn't in a vault of Coffre. Without `adminRef` and
     * `admin`, the account logs in with its own current password and changes it itself.
     */
    admin: z
      .strictObject({
        /** `root`, or an account that may run everything by sudo. */
        username: AccountName,
        /** File with its private key, without passphrase, where Coffre runs. */
        keyFile: z.string().min(1).optional(),
        /** Log in by the keys of the SSH agent (`SSH_AUTH_SOCK`) where Coffre runs. */
        agent: z.literal(true).optional(),
        /** Environment variable that holds its password where Coffre runs: for the login, or, beside a key, for sudo. */
        passwordEnv: z.string().min(1).optional(),
        /** File that holds its password where Coffre runs; a final line break isn't part of it. */
        passwordFile: z.string().min(1).optional(),
      })
      .refine((admin) => [admin.keyFile, admin.agent, admin.passwordEnv, admin.passwordFile].some((way) => way), {
        message: "needs keyFile, agent, passwordEnv or passwordFile",
      })
      .refine((admin) => admin.keyFile === undefined || admin.agent === undefined, "has keyFile and agent; give one")
      .refine((admin) => admin.passwordEnv === undefined || admin.passwordFile === undefined, {
        message: "has passwordEnv and passwordFile; give one",
      })
      .optional(),
    /**
     * Reference of the password that an existing account has now: a machine's first password, or its maker's. It is used
     * once, replaced, proven to be refused, and its entry is archived. Only without `adminRef` and `admin`.
     */
    initialRef: Reference.optional(),
    /** What the account is to be, beside its password. Needs `adminRef` or `admin`. */
    account: z
      .strictObject({
        /** Create the account, with a home, if it doesn't exist. Default false: a missing account is an error. */
        create: z.boolean().optional(),
        /** Groups that the account is made a member of; it stays in others. */
        groups: z.array(AccountName).optional(),
        /** Path of its shell. */
        shell: z.string().refine(isPath, "must be the path of a program").optional(),
        /** Public keys that may log in, beside those that may already. */
        authorizedKeys: z.array(z.string().refine(isPublicKeyLine, "must be a public key without options")).optional(),
      })
      .optional(),
    /** `none`: promote without a proof, for machines that take no passwords over SSH. The version is shown as unverified. */
    verify: z.literal("none").optional(),
    /** Waiting for a new machine. `timeoutSeconds`: seconds to wait until its SSH server answers; default 0. */
    waitFor: WaitFor.optional(),
    /** Changes when the machine was made anew (`vm.id`): the account then gets a new password, a first host key is learned anew. */
    identity: z.string().optional(),
    /**
     * What becomes of the account when its credential is deleted. `disable`: locked and expired. `drop`: userdel; its home
     * stays. Default: `disable` for an account that Coffre created, else `keep`.
     */
    onDelete: OnDelete.optional(),
    /** Upper bounds of single calls, milliseconds. The machine stops working at half of `setMs`. */
    limits: z
      .strictObject({
        /** To connect and log in, and for the look. Default 20,000. */
        connectMs: Milliseconds.optional(),
        /** To change the password. Default 30,000. */
        setMs: Milliseconds.optional(),
        /** To prove it. Default 20,000. */
        verifyMs: Milliseconds.optional(),
      })
      .optional(),
  })
  .superRefine((target, context) => {
    const clash = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    const trust = (["hostKey", "knownHostsFile", "trustOnFirstUse"] as const).filter((field) => target[field]);
    if (trust.length !== 1) {
      const which = "hostKey, knownHostsFile, trustOnFirstUse";
      clash("hostKey", trust.length === 0 ? `is missing: give one of ${which}` : `give only one of ${which}`);
    }
    refuseAdminClashes(target, context);
  });
export type LinuxTarget = z.output<typeof LinuxTarget>;
/** What a stack author writes: {@link LinuxTarget} before defaults. */
export type LinuxTargetArgs = z.input<typeof LinuxTarget>;

/** @throws CoffreError INVALID_INPUT that names the field and, for an unknown one, the nearest that exists */
export function parseLinuxTarget(description: Record<string, unknown>, username: string | undefined): TargetSpec {
  const parsed = LinuxTarget.safeParse(description, { error: issueText });
  if (!parsed.success) throw invalidDescription(LinuxTarget, parsed.error.issues, DESCRIBED);
  const target = parsed.data;
  const address = { host: target.host, port: target.port };
  const account = checkUsername(username);
  const { hostKey, knownHostsFile, trustOnFirstUse } = target;
  return {
    kind: "linux",
    account: accountOf("linux", account, address),
    username: account,
    address,
    verifyAddresses: target.verify === "none" ? [] : [address],
    acceptedCharacters: PRINTABLE_ASCII, // the value ends with its line, and chpasswd splits that at the first colon only
    admin: adminOf(target, {
      withoutPassword: target.admin?.keyFile !== undefined || target.admin?.agent !== undefined,
    }),
    waitForSeconds: target.waitFor?.timeoutSeconds ?? 0,
    sessionKey: JSON.stringify([
      "linux",
      address,
      { hostKey, knownHostsFile, trustOnFirstUse },
      adminKey(target, account),
    ]),
    repeatable: hasAdmin(target),
    ...(target.identity === undefined ? {} : { identity: target.identity }),
    onDelete: target.onDelete ?? "default",
    limits: {
      connectMs: target.limits?.connectMs ?? DEFAULT_CONNECT_MS,
      setMs: target.limits?.setMs ?? DEFAULT_SET_MS,
      verifyMs: target.limits?.verifyMs ?? DEFAULT_VERIFY_MS,
    },
    learnsPin: trustOnFirstUse === true,
    description: target,
  };
}

function checkUsername(username: string | undefined): string {
  const problem = username === undefined ? "is missing" : accountNameProblem(username);
  if (problem === undefined && username !== undefined) return username;
  throw new CoffreError("INVALID_INPUT", `The credential's username, the account's name on the machine, ${problem}`, {
    hint: "Give the credential the account's name as its username.",
    details: { field: "username" },
  });
}
