import * as z from "zod";
import { PRINTABLE_ASCII } from "../../core/alphabet.js";
import { CoffreError } from "../../core/errors.js";
import type { TargetSpec } from "../port.js";
import { accountOf } from "../common/address.js";
import { type AdminFields, adminKey, adminOf, hasAdmin, refuseAdminClashes } from "../common/admin.js";
import { issueText } from "../../core/issue-text.js";
import { invalidDescription } from "../common/description-errors.js";
import { Host, Limits, limitsOf, OnDelete, Port, Reference, WaitFor } from "../common/fields.js";
import { Tls } from "../common/tls.js";
import { refuseBadVerifyHosts, verifyAddressesOf } from "../common/verify-hosts.js";
import { overlapOf, SUFFIX_BYTES } from "./overlap.js";
import { accountNameProblem, roleNameProblem } from "./role-name.js";

const DEFAULT_PORT = 5432;
const DESCRIBED = {
  name: "PostgreSQL",
  page: "docs/targets/postgres.md",
};
const RoleName = z.string().superRefine((name, context) => {
  const problem = roleNameProblem(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

/**
 * What a stack declares to have a PostgreSQL role's password changed and proven, and what the vault keeps of it. No
 * secret has a place in it.
 */
export const PostgresTarget = z
  .strictObject({
    /** Name or IP address of the server where the password is set: the primary. */
    host: Host,
    /** TCP port. Default 5432. */
    port: Port.default(DEFAULT_PORT),
    /** Database to connect to, as admin and for the proof. Roles belong to the whole server. Default `postgres`. */
    database: z.string().min(1).max(63).default("postgres"),
    /** Reference (`coffre://…`) of the credential that logs in to change the password. Not together with `admin`. */
    adminRef: Reference.optional(),
    /**
     * The role that logs in to change the password, if its password isn't in a vault of Coffre. Without `adminRef` and
     * `admin`, the account logs in with its own current password and changes it itself.
     */
    admin: z
      .strictObject({
        /** Role that may change the account: a superuser, or one with CREATEROLE (from PostgreSQL 16 on, and ADMIN OPTION). */
        username: RoleName,
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
        /** Create the role, with LOGIN, if it doesn't exist. Default false: a missing role is an error. */
        create: z.boolean().optional(),
        /** Roles that the account is made a member of where it isn't; other memberships stay. */
        memberOf: z.array(RoleName).optional(),
      })
      .optional(),
    /**
     * `alternating`: two logins take turns, `<username>_a` and `<username>_b`, so that the password before goes on working
     * for `drainSeconds` after a rotation. Both act as the role `username`, which then only owns the objects and doesn't log
     * in. Needs `adminRef` or `admin`. Default: one role, whose password before ends with the rotation.
     */
    overlap: z.literal("alternating").optional(),
    /** How long the login before goes on working after a rotation, in seconds, up to 30 days. Default 3,600. */
    drainSeconds: z
      .int()
      .min(1)
      .max(30 * 86_400)
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
     * What becomes of the account when its credential is deleted. `disable`: NOLOGIN. `drop`: DROP ROLE, refused while
     * it owns anything. Default: `disable` for an account that Coffre created, else `keep`.
     */
    onDelete: OnDelete.optional(),
    limits: Limits.optional(),
  })
  .superRefine((target, context) => {
    refuseAdminClashes(target, context);
    refuseBadVerifyHosts(target, context);
    refuseBadOverlap(target, context);
  });
export type PostgresTarget = z.output<typeof PostgresTarget>;
/** What a stack author writes: {@link PostgresTarget} before defaults. */
export type PostgresTargetArgs = z.input<typeof PostgresTarget>;

/** Descriptions that were parsed, and aren't again for each call on the same target. */
const known = new WeakMap<object, PostgresTarget>();

function checked(description: Record<string, unknown>): PostgresTarget {
  const parsed = PostgresTarget.safeParse(description, { error: issueText });
  if (!parsed.success) throw invalidDescription(PostgresTarget, parsed.error.issues, DESCRIBED);
  for (const each of [description, parsed.data]) known.set(each, parsed.data);
  return parsed.data;
}

/** A target's description as {@link parsePostgresTarget} left it in its spec. */
export function targetOf({ description }: TargetSpec): PostgresTarget {
  return known.get(description) ?? PostgresTarget.parse(description);
}

/** @throws CoffreError INVALID_INPUT that names the field and, for an unknown one, the nearest that exists */
export function parsePostgresTarget(description: Record<string, unknown>, username: string | undefined): TargetSpec {
  const target = known.get(description) ?? checked(description);
  const address = { host: target.host, port: target.port };
  const overlaps = target.overlap !== undefined;
  const role = checkUsername(username, overlaps ? SUFFIX_BYTES : 0);
  return {
    kind: "postgres",
    account: accountOf("postgres", role, address),
    username: role,
    address,
    verifyAddresses: verifyAddressesOf(address, target),
    acceptedCharacters: PRINTABLE_ASCII, // all that there are: what the server gets is made of the password, not the password
    admin: adminOf(target),
    waitForSeconds: target.waitFor?.timeoutSeconds ?? 0,
    sessionKey: JSON.stringify([address, target.database, target.tls ?? {}, adminKey(target, role)]),
    repeatable: hasAdmin(target),
    ...(overlaps ? { overlap: overlapOf(role, address, target.drainSeconds) } : {}),
    ...(target.identity === undefined ? {} : { identity: target.identity }),
    onDelete: target.onDelete ?? "default",
    limits: limitsOf(target.limits),
    description: target,
  };
}

function refuseBadOverlap(
  target: AdminFields & { overlap?: unknown; drainSeconds?: unknown },
  context: z.RefinementCtx,
): void {
  const clash = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
  if (target.overlap !== undefined && !hasAdmin(target))
    clash("overlap", "needs adminRef or admin: a login can't make, or end, the other one");
  if (target.overlap === undefined && target.drainSeconds !== undefined)
    clash("drainSeconds", 'is for overlap: "alternating"');
}

/** @param reserved bytes that are added to it */
function checkUsername(username: string | undefined, reserved: number): string {
  const problem = username === undefined ? "is missing" : accountNameProblem(username, reserved);
  if (problem === undefined && username !== undefined) return username;
  throw new CoffreError("INVALID_INPUT", `The credential's username, the role's name in PostgreSQL, ${problem}`, {
    hint: "Give the credential a username of 1 to 63 bytes, spelled as PostgreSQL spells the role.",
    details: { field: "username" },
  });
}
