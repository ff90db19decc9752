import * as z from "zod";
import { PRINTABLE_ASCII } from "../../core/alphabet.js";
import { CoffreError } from "../../core/errors.js";
import { issueText } from "../../core/issue-text.js";
import { CommandTarget, refuseAskedClashes } from "../command/schema.js";
import { accountOf } from "../common/address.js";
import { adminKey, adminOf, hasAdmin } from "../common/admin.js";
import { invalidDescription } from "../common/description-errors.js";
import { Host, Limits, Port } from "../common/fields.js";
import { isHostKey } from "../linux/host-key.js";
import type { TargetSpec } from "../port.js";

/** Ansible begins with a second or two of its own, and speaks with several hosts. */
const DEFAULT_LIMIT_MS = 120_000;
const SSH_PORT = 22;
const DESCRIBED = { name: "Ansible", page: "docs/targets/ansible.md" };

const Text = z.string().refine((text) => !/\p{Cc}/u.test(text), "must have no control characters");
const Playbook = z
  .string()
  .regex(
    /^[A-Za-z0-9_][\w.-]{0,120}\.ya?ml$/,
    'must be the name of a playbook in the folder that COFFRE_PLAYBOOKS names where Coffre runs, as "rotate.yml", without "/"',
  );
const HostKey = z.string().refine((text) => isHostKey(text) && !text.startsWith("SHA256:"), {
  message: 'must be a public key as in known_hosts without the name ("ssh-ed25519 AAAA…")',
});
const VariableName = z
  .string()
  .regex(/^[A-Za-z]\w*$/, "must be a variable's name: a letter, then letters, digits and _")
  .refine((name) => !/^(ansible|coffre)_/.test(name), {
    message: "must be no variable of Ansible's or Coffre's: those decide what runs, and how",
  });
const InventoryHost = z.strictObject({
  /** Name or IP address. */
  host: Host,
  /** SSH port. Default 22. */
  port: Port.optional(),
  /** Who logs in; otherwise the playbook says. */
  user: Text.min(1).max(256).optional(),
  /** Its host key. Without any in the inventory, the user's own known_hosts counts. */
  hostKey: HostKey.optional(),
});
const shape = CommandTarget.shape;

/**
 * What a stack declares to have a password changed by a playbook, and what the vault keeps of it. No secret has a place in it, no path
 * and nothing that Ansible would carry out: which playbooks may run is said where Coffre runs, and every text stays a text.
 */
export const AnsibleTarget = z
  .strictObject({
    /** Name or IP address that the account belongs to. With port and username it is the account, which belongs to one credential. */
    host: Host,
    /** SSH port of that host. Default 22. */
    port: Port.default(SSH_PORT),
    /** The playbook that sets the password: its name in the folder that COFFRE_PLAYBOOKS names. */
    playbook: Playbook,
    /** A playbook that says, before anything is drawn, whether the set can succeed; changes nothing. Needed wherever a login is handed over. */
    look: Playbook.optional(),
    /** How the password is proven: by a playbook of its own, by a login over SSH with it, or not at all. */
    verify: z.union([
      z.strictObject({ playbook: Playbook }),
      z.strictObject({ ssh: z.strictObject({ host: Host.optional(), port: Port.optional(), hostKey: HostKey }) }),
      z.literal("none"),
    ]),
    /** A playbook that disables or drops the account. Needed for `onDelete` other than `keep`. */
    remove: Playbook.optional(),
    /** The hosts that the playbooks speak with, by the name that they use. Default: one, `target`, at `host` and `port`. */
    inventory: z.record(Text.min(1).max(256), InventoryHost).optional(),
    /** Facts for the playbooks, as variables. No secrets. */
    variables: z.record(VariableName, z.union([Text, z.number(), z.boolean()])).optional(),
    /** True if setting the same value twice does no harm, as playbooks are written. Default true. */
    repeatable: z.boolean().default(true),
    acceptedCharacters: shape.acceptedCharacters,
    adminRef: shape.adminRef,
    admin: shape.admin,
    initialRef: shape.initialRef,
    account: shape.account,
    waitFor: shape.waitFor,
    identity: shape.identity,
    onDelete: shape.onDelete,
    /** Upper bounds of single runs, milliseconds, after which everything of the run is ended. Default 120,000 each. */
    limits: Limits.optional(),
  })
  .superRefine((target, context) => {
    const clash = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    refuseAskedClashes(target, context);
    if (target.verify === "none" && !target.repeatable)
      clash("verify", "must be a proof: a set that can't be repeated needs another way to find out what became of it");
  });
export type AnsibleTarget = z.output<typeof AnsibleTarget>;
/** What a stack author writes: {@link AnsibleTarget} before defaults. */
export type AnsibleTargetArgs = z.input<typeof AnsibleTarget>;

/** @throws CoffreError INVALID_INPUT that names the field and, for an unknown one, the nearest that exists */
export function parseAnsibleTarget(description: Record<string, unknown>, username: string | undefined): TargetSpec {
  const parsed = AnsibleTarget.safeParse(description, { error: issueText });
  if (!parsed.success) throw invalidDescription(AnsibleTarget, parsed.error.issues, DESCRIBED);
  const target = parsed.data;
  const { host, port, verify } = target;
  const account = checkUsername(username);
  const proves =
    verify !== "none" && "ssh" in verify
      ? { host: verify.ssh.host ?? host, port: verify.ssh.port ?? port }
      : { host, port };
  const { connectMs = DEFAULT_LIMIT_MS, setMs = DEFAULT_LIMIT_MS, verifyMs = DEFAULT_LIMIT_MS } = target.limits ?? {};
  return {
    kind: "ansible",
    account: accountOf("ansible", account, { host, port }),
    username: account,
    address: { host, port },
    verifyAddresses: verify === "none" ? [] : [proves],
    acceptedCharacters: target.acceptedCharacters ?? PRINTABLE_ASCII,
    admin: adminOf(target, { withoutPassword: target.admin?.ownMeans === true }),
    waitForSeconds: target.waitFor?.timeoutSeconds ?? 0,
    sessionKey: JSON.stringify(["ansible", host, port, adminKey(target, account)]),
    repeatable: target.repeatable && hasAdmin(target),
    ...(target.identity === undefined ? {} : { identity: target.identity }),
    onDelete: target.onDelete ?? (target.remove === undefined ? "keep" : "default"),
    limits: { connectMs, setMs, verifyMs },
    description: target,
  };
}

function checkUsername(username: string | undefined): string {
  if (username !== undefined && username.length <= 256 && Text.min(1).safeParse(username).success) return username;
  throw new CoffreError(
    "INVALID_INPUT",
    "The credential's username must be the account's name, 1 to 256 characters without control characters",
    {
      hint: "Give the credential the account's name as its username.",
      details: { field: "username" },
    },
  );
}
