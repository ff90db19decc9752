import * as z from "zod";
import { PRINTABLE_ASCII } from "../../core/alphabet.js";
import { CoffreError } from "../../core/errors.js";
import { issueText } from "../../core/issue-text.js";
import { accountOf } from "../common/address.js";
import { adminKey, adminOf, hasAdmin, refuseAdminClashes } from "../common/admin.js";
import { invalidDescription } from "../common/description-errors.js";
import { Host, Limits, limitsOf, OnDelete, Port, Reference, WaitFor } from "../common/fields.js";
import { Tls } from "../common/tls.js";
import { refuseBadVerifyHosts, verifyAddressesOf } from "../common/verify-hosts.js";
import type { TargetSpec } from "../port.js";
import { hostPatternProblem, roleNameProblem, userNameProblem } from "./names.js";

const DEFAULT_PORT = 3306;
const EVERY_HOST = "%";
const DESCRIBED = {
  name: "MySQL",
  page: "docs/targets/mysql.md",
};

const checkedBy = (problemOf: (name: string) => string | undefined) => (name: string, context: z.RefinementCtx) => {
  const problem = problemOf(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
};
const UserName = z.string().superRefine(checkedBy(userNameProblem));
const RoleName = z.string().superRefine(checkedBy(roleNameProblem));

/**
 * What a stack declares to have a MariaDB account's password changed and proven, and what the vault keeps of it. No
 * secret has a place in it.
 */
export const MysqlTarget = z
  .strictObject({
    /** Name or IP address of the server where the password is set: the primary. */
    host: Host,
    /** TCP port. Default 3306. */
    port: Port.default(DEFAULT_PORT),
    /**
     * The second half of the account, `'user'@'host'`: from where it may log in, as the server spells it. Default `%`.
     * `'app'@'%'` and `'app'@'10.0.0.%'` are two accounts with a password each.
     */
    accountHost: z.string().toLowerCase().superRefine(checkedBy(hostPatternProblem)).default(EVERY_HOST),
    /** Reference (`coffre://…`) of the credential that logs in to change the password. Not together with `admin`. */
    adminRef: Reference.optional(),
    /**
     * The user that logs in to change the password, if its password isn't in a vault of Coffre. Without `adminRef` and
     * `admin`, the account logs in with its own current password and changes it itself.
     */
    admin: z
      .strictObject({
        /** User with CREATE USER on *.* and SELECT on mysql.global_priv. */
        username: UserName,
        /** Environment variable that holds its password where Coffre runs. */
        passwordEnv: z.string().min(1).optional(),
        /** File that holds its password where Coffre runs; a final line break isn't part of it. */
        passwordFile: z.string().min(1).optional(),
      })
      .refine((admin) => (admin.passwordEnv === undefined) !== (admin.passwordFile === undefined), {
        message: "needs passwordEnv or passwordFile, one of them",
      })
      .optional(),
    /**
     * Reference of the password that an existing account has now, for the first change by the account itself. Only
     * without `adminRef` and `admin`.
     */
    initialRef: Reference.optional(),
    /** What the account is to be, beside its password. Needs `adminRef` or `admin`. */
    account: z
      .strictObject({
        /** Create the account if it doesn't exist. Default false: a missing account is an error. */
        create: z.boolean().optional(),
        /** Roles that are granted to the account where it hasn't them; others stay. */
        memberOf: z.array(RoleName).optional(),
        /** Which of these roles is in force when it logs in. Default: as it is; none for an account that is created. */
        defaultRole: RoleName.optional(),
      })
      .refine(({ memberOf = [], defaultRole }) => defaultRole === undefined || memberOf.includes(defaultRole), {
        path: ["defaultRole"],
        message: "isn't among memberOf",
      })
      .optional(),
    /** More addresses (`host` or `host:port`) at which the new password is proven, such as replicas. */
    verifyHosts: z.array(z.string()).optional(),
    /** `none`: promote without a proof, for servers that can't give one. The version is shown as unverified. */
    verify: z.literal("none").optional(),
    /**
     * How the server's certificate is checked. TLS is always used, except for the machine itself (`localhost`,
     * 127.0.0.0/8, `::1`) where nothing here asks for it.
     */
    tls: Tls.optional(),
    /** Waiting for a new machine. `timeoutSeconds`: seconds to wait until the server takes connections; default 0. */
    waitFor: WaitFor.optional(),
    /** Changes when the server was made anew (for example `vm.id`): the account then gets a new password. */
    identity: z.string().optional(),
    /**
     * What becomes of the account when its credential is deleted. `disable`: ACCOUNT LOCK, and no password works. `drop`:
     * DROP USER. Default: `disable` for an account that Coffre created, else `keep`.
     */
    onDelete: OnDelete.optional(),
    limits: Limits.optional(),
  })
  .superRefine((target, context) => {
    refuseAdminClashes(target, context);
    refuseBadVerifyHosts(target, context);
  });
export type MysqlTarget = z.output<typeof MysqlTarget>;
/** What a stack author writes: {@link MysqlTarget} before defaults. */
export type MysqlTargetArgs = z.input<typeof MysqlTarget>;

/** @throws CoffreError INVALID_INPUT that names the field and, for an unknown one, the nearest that exists */
export function parseMysqlTarget(description: Record<string, unknown>, username: string | undefined): TargetSpec {
  const parsed = MysqlTarget.safeParse(description, { error: issueText });
  if (!parsed.success) throw invalidDescription(MysqlTarget, parsed.error.issues, DESCRIBED);
  const target = parsed.data;
  const address = { host: target.host, port: target.port };
  const user = checkUsername(username);
  const { accountHost } = target;
  const account = accountOf("mysql", user, address);
  return {
    kind: "mysql",
    account: accountHost === EVERY_HOST ? account : `${account}?accountHost=${encodeURIComponent(accountHost)}`,
    username: user,
    address,
    verifyAddresses: verifyAddressesOf(address, target),
    acceptedCharacters: PRINTABLE_ASCII, // all that there are: what the server gets is made of the password, not the password
    admin: adminOf(target),
    waitForSeconds: target.waitFor?.timeoutSeconds ?? 0,
    sessionKey: JSON.stringify([address, target.tls ?? {}, adminKey(target, JSON.stringify([user, accountHost]))]),
    repeatable: hasAdmin(target),
    ...(target.identity === undefined ? {} : { identity: target.identity }),
    onDelete: target.onDelete ?? "default",
    limits: limitsOf(target.limits),
    description: target,
  };
}

function checkUsername(username: string | undefined): string {
  const problem = username === undefined ? "is missing" : userNameProblem(username);
  if (problem === undefined && username !== undefined) return username;
  throw new CoffreError("INVALID_INPUT", `The credential's username, the user's name in the database, ${problem}`, {
    hint: "Give the credential the user's name as its username; the account's host belongs in accountHost.",
    details: { field: "username" },
  });
}
