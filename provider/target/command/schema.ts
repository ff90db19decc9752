import * as z from "zod";
import { isProgramName } from "../../core/program-name.js";
import { PRINTABLE_ASCII } from "../../core/alphabet.js";
import { CoffreError } from "../../core/errors.js";
import { issueText } from "../../core/issue-text.js";
import { accountOf } from "../common/address.js";
import { type AdminFields, adminKey, adminOf, hasAdmin, refuseAdminClashes } from "../common/admin.js";
import { invalidDescription } from "../common/description-errors.js";
import { Host, Milliseconds, OnDelete, Port, Reference, WaitFor } from "../common/fields.js";
import type { TargetSpec } from "../port.js";
import { isOurs } from "./programs.js";

const DEFAULT_CONNECT_MS = 30_000;
const DEFAULT_SET_MS = 60_000;
const DEFAULT_VERIFY_MS = 30_000;
/** In the account of a device that is reached without a port. */
const NO_PORT = 0;
const DESCRIBED = {
  name: "command",
  page: "docs/targets/command.md",
};

const Text = z.string().refine((text) => !/\p{Cc}/u.test(text), "must have no control characters");

/** A program of the allowed folder and its arguments. */
const Command = z.strictObject({
  argv: z
    .array(Text)
    .min(1)
    .max(64)
    .refine((argv) => isProgramName(argv[0] ?? ""), {
      message:
        "must begin with the name of a program in the folder that COFFRE_COMMANDS names where Coffre runs: " +
        'letters, digits, ".", "_", "-", and no "/"',
    }),
});

const VariableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable; its value stays where Coffre runs")
  .refine((name) => !isOurs(name), "must be no variable of Coffre's or Pulumi's: those hold keys and tokens");

/**
 * What a stack declares to have a password changed and proven by programs of its own, and what the vault keeps of it. No
 * secret has a place in it, and no path: which programs may run is said where Coffre runs.
 */
export const CommandTarget = z
  .strictObject({
    /** Name or IP address of the device. With the port and the username it is the account, which belongs to one credential. */
    host: Host,
    /** Port that the device is reached by, if it has one. Left out, the account's address says 0. */
    port: Port.optional(),
    /** Sets the password. */
    set: Command,
    /** Proves it, as a process of its own; `none`: promote without a proof. The version is then shown as unverified. */
    verify: z.union([Command, z.literal("none")]),
    /**
     * Logs in and says, before anything is drawn, whether the set can succeed; changes nothing. Needed wherever a login is
     * handed over: it is the login that is counted.
     */
    look: Command.optional(),
    /** Disables or drops the account. Needed for `onDelete` other than `keep`. */
    remove: Command.optional(),
    /** True if setting the same value twice does no harm, so that a set in doubt is simply repeated. */
    repeatable: z.boolean(),
    /** Facts for the programs, such as a model or a slot: part of what they read on standard input. No secrets. */
    parameters: z.record(z.string().min(1), Text).optional(),
    /** Names of variables that the programs get from where Coffre runs, beside PATH, HOME and LANG. */
    environment: z.array(VariableName).optional(),
    /** Characters that the device takes in a password. Default: all of printable ASCII but the space. */
    acceptedCharacters: z
      .string()
      .min(1)
      .refine((text) => [...text].every((character) => PRINTABLE_ASCII.includes(character)), {
        message: "must be printable ASCII without the space",
      })
      .optional(),
    /** Reference (`coffre://…`) of the credential that logs in to change the password. Not together with `admin`. */
    adminRef: Reference.optional(),
    /**
     * The account that logs in to change the password, if its password isn't in a vault of Coffre. Without `adminRef` and
     * `admin`, the account logs in with its own current password and changes it itself.
     */
    admin: z
      .strictObject({
        /** Its name, as the device spells it. */
        username: Text.min(1).max(256),
        /** The programs log in by means of their own, such as a key or a token in a file; no password is handed over. */
        ownMeans: z.literal(true).optional(),
        /** Environment variable that holds its password where Coffre runs. */
        passwordEnv: z.string().min(1).optional(),
        /** File that holds its password where Coffre runs; a final line break isn't part of it. */
        passwordFile: z.string().min(1).optional(),
      })
      .refine((admin) => [admin.ownMeans, admin.passwordEnv, admin.passwordFile].filter((way) => way).length === 1, {
        message: "needs ownMeans, passwordEnv or passwordFile, one of them",
      })
      .optional(),
    /**
     * Reference of the password that an existing account has now, such as the maker's, for the first change by the account
     * itself. Only without `adminRef` and `admin`.
     */
    initialRef: Reference.optional(),
    /** What the account is to be, beside its password. Needs `adminRef` or `admin`. */
    account: z
      .strictObject({
        /** Create the account if it doesn't exist. Default false: a missing account is an error. */
        create: z.boolean().optional(),
      })
      .optional(),
    /** Waiting for a new device. `timeoutSeconds`: seconds to wait until it answers; default 0. */
    waitFor: WaitFor.optional(),
    /** Changes when the device was replaced: the account then gets a new password. */
    identity: z.string().optional(),
    /** What becomes of the account when its credential is deleted. Default: `disable` for one that was created and can be, else `keep`. */
    onDelete: OnDelete.optional(),
    /** Upper bounds of single calls, milliseconds, after which the program is killed. */
    limits: z
      .strictObject({
        /** To look. Default 30,000. */
        connectMs: Milliseconds.optional(),
        /** To set, and to remove. Default 60,000. */
        setMs: Milliseconds.optional(),
        /** To prove. Default 30,000. */
        verifyMs: Milliseconds.optional(),
      })
      .optional(),
  })
  .superRefine((target, context) => {
    const clash = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    refuseAskedClashes(target, context);
    if (target.verify === "none" && !target.repeatable && hasAdmin(target))
      clash(
        "verify",
        "must be a command: a set that can't be repeated needs another way to find out what became of it",
      );
  });
export type CommandTarget = z.output<typeof CommandTarget>;
/** What a stack author writes: {@link CommandTarget} before defaults. */
export type CommandTargetArgs = z.input<typeof CommandTarget>;

/** What can't stand together in a description whose operations are left to programs, or to playbooks. */
export function refuseAskedClashes(
  target: AdminFields & {
    admin?: { ownMeans?: boolean | undefined } | undefined;
    account?: unknown;
    look?: unknown;
    remove?: unknown;
    onDelete?: string | undefined;
  },
  context: z.RefinementCtx,
): void {
  const clash = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
  refuseAdminClashes(target, context);
  if (target.look === undefined && target.admin?.ownMeans !== true)
    clash("look", "is missing: it makes the login that is counted, so that no stale password is sent again and again");
  if (target.remove === undefined && (target.onDelete === "disable" || target.onDelete === "drop"))
    clash("remove", `is missing: it is what onDelete: ${JSON.stringify(target.onDelete)} would run`);
}

/** @throws CoffreError INVALID_INPUT that names the field and, for an unknown one, the nearest that exists */
export function parseCommandTarget(description: Record<string, unknown>, username: string | undefined): TargetSpec {
  const parsed = CommandTarget.safeParse(description, { error: issueText });
  if (!parsed.success) throw invalidDescription(CommandTarget, parsed.error.issues, DESCRIBED);
  const target = parsed.data;
  const address = { host: target.host, port: target.port ?? NO_PORT };
  const account = checkUsername(username);
  return {
    kind: "command",
    account: accountOf("command", account, address),
    username: account,
    address,
    verifyAddresses: target.verify === "none" ? [] : [address],
    acceptedCharacters: target.acceptedCharacters ?? PRINTABLE_ASCII,
    admin: adminOf(target, { withoutPassword: target.admin?.ownMeans === true }),
    waitForSeconds: target.waitFor?.timeoutSeconds ?? 0,
    sessionKey: JSON.stringify(["command", address, adminKey(target, account)]),
    repeatable: target.repeatable && hasAdmin(target),
    ...(target.identity === undefined ? {} : { identity: target.identity }),
    onDelete: target.onDelete ?? (target.remove === undefined ? "keep" : "default"),
    limits: {
      connectMs: target.limits?.connectMs ?? DEFAULT_CONNECT_MS,
      setMs: target.limits?.setMs ?? DEFAULT_SET_MS,
      verifyMs: target.limits?.verifyMs ?? DEFAULT_VERIFY_MS,
    },
    description: target,
  };
}

function checkUsername(username: string | undefined): string {
  const problem = username === undefined ? "is missing" : usernameProblem(username);
  if (problem === undefined && username !== undefined) return username;
  throw new CoffreError("INVALID_INPUT", `The credential's username, the account's name on the device, ${problem}`, {
    hint: "Give the credential the account's name as its username.",
    details: { field: "username" },
  });
}

function usernameProblem(name: string): string | undefined {
  if (name.length === 0 || name.length > 256) return "must have 1 to 256 characters";
  return Text.safeParse(name).success ? undefined : "has control characters in it";
}
