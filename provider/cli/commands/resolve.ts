import { CoffreError } from "../../core/errors.js";
import { isDrifted } from "../../rotation/attention.js";
import type { RotationContext } from "../../rotation/context.js";
import { driverFor } from "../../rotation/context.js";
import { type Target, targetsOf } from "../../rotation/targets.js";
import { accountsOf, type Credential, type Resolution, usernameOf } from "../../vault/port.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { currentText, pathText, typedPath } from "../describe.js";
import { askYes } from "../prompt.js";
import { findCredential, parseCount } from "../reference.js";
import { credentialShape } from "../shape.js";
import { collect } from "../../core/collect.js";
import { tellOutstanding } from "./notify.js";

type Decision = Resolution | { decision: "keep-accounts" };

export const resolve: CommandDefinition = {
  name: "resolve",
  summary: "say how to go on with a credential that needs attention",
  description: [
    "Takes a person's decision about a credential that `coffre attention` lists. The decision is an event in the vault's log.",
    "--retry lets the next run go on with what is pending; after a restore it is refused, since that may be older than what the target has. --accept takes one version as the one that works; it counts as not verified until `coffre verify` has proven it. Of a credential that needs no attention it is asked for on a terminal, and refused elsewhere unless --yes is given: what readers get changes, and no target does. --accept-rollback takes the vault as it is, though somebody has seen a newer one. --keep-accounts gives up ending accounts of earlier targets.",
    "Each of them gives the budget of refused logins back: of the account, of those that an admin's credential logs in to, and, since a host has a budget too, of the other accounts on the same hosts.",
  ],
  arguments: [{ name: "[ref]", description: "the credential, unless --all" }],
  options: [
    { flags: "--retry", description: "go on with the pending version" },
    { flags: "--accept <version>", description: "this version is the one that works" },
    { flags: "--accept-rollback", description: "the vault, though older than what was seen of it, is what holds" },
    { flags: "--keep-accounts", description: "accounts of earlier targets that could not be ended stay as they are" },
    { flags: "--all", description: "with --accept-rollback: every credential that needs no other decision" },
    { flags: "--yes", description: "take the --accept of a credential that needs no decision, without a question" },
  ],
  examples: [
    {
      command: "coffre resolve Databases/orders-app --retry && coffre resume Databases/orders-app",
      does: "the reason was mended: go on",
    },
    { command: "coffre resolve Databases/orders-app --accept 3 --yes", does: "version 3 was tried, and works" },
    {
      command: "coffre resolve --accept-rollback --all",
      does: "after a restore: what the targets accept was looked at",
    },
  ],
  json: "The credential after the decision, as `coffre get --json` shows it; with --all an array of them.",
  exits: [
    { code: 3, when: "no such credential or version" },
    { code: 5, when: "--accept of a credential that needs no decision, without --yes" },
  ],
  takesReferences: true,
  async run(context, { args: [ref], options }) {
    const decision = parseDecision(options);
    const { terminal, clock } = context;
    if (
      (options["all"] === true) === (ref !== undefined) ||
      (ref === undefined && decision.decision !== "accept-rollback")
    ) {
      throw new CoffreError("INVALID_INPUT", "One credential is decided about, or all of them by --accept-rollback", {
        hint: "Name a credential, or give --accept-rollback --all.",
      });
    }
    const vault = await context.vault();
    if (ref === undefined) return acceptAll(context);
    const before = await findCredential(vault, ref);
    if (decision.decision === "accept")
      await refuseNeedless(context, before, decision.version, options["yes"] === true);
    await giveBudgetBack(await context.rotation(), [before]);
    const after =
      decision.decision === "keep-accounts"
        ? await vault.updateCredential(before.id, { ended: before.leaving.map(({ account }) => account) })
        : await vault.resolveCredential(before.id, decision);
    await tellOutstanding(context, [after]);

    const identity = await vault.identity();
    if (context.json) {
      terminal.json(await credentialShape(identity, after, clock.now()));
      return;
    }
    const typed = typedPath(identity.name, after.path);
    terminal.print(`${pathText(after)}: ${after.status}`);
    if (after.journal.pending)
      terminal.note(`\`coffre resume ${typed}\` goes on with version ${String(after.journal.pending.version)}.`);
    else if (decision.decision === "accept" && after.targets.length > 0)
      terminal.note(`\`coffre verify ${typed}\` proves it.`);
  },
};

/** The vault as a whole is what holds: what its values are worth was looked at before. */
async function acceptAll(context: CommandContext): Promise<void> {
  const { terminal, clock } = context;
  const vault = await context.vault();
  const decided: Credential[] = [];
  const all = await collect(vault.listCredentials());
  // After a restore each needs attention for nothing but this very decision.
  const decidable = all.filter(
    (credential) =>
      !credential.journal.attention || isDrifted(credential) || credential.journal.attention.reason === "rolled-back",
  );
  await giveBudgetBack(await context.rotation(), decidable);
  for (const { id } of decidable) decided.push(await vault.resolveCredential(id, { decision: "accept-rollback" }));
  // What needed attention before the restore needs it again.
  const open = [...all.filter((credential) => !decidable.includes(credential)), ...decided.filter(needsMore)];
  const identity = await vault.identity();
  if (context.json)
    terminal.json(await Promise.all(decided.map((credential) => credentialShape(identity, credential, clock.now()))));
  else for (const credential of decided) terminal.print(`${pathText(credential)}: ${credential.status}`);
  for (const credential of open) {
    terminal.warn(`${pathText(credential)} needs attention, and a decision of its own: see \`coffre attention\``);
  }
  if (all.length === 0) terminal.note("There is no credential.");
}

function needsMore(credential: Credential): boolean {
  return credential.journal.attention !== undefined && !isDrifted(credential);
}

/** @throws CoffreError INVALID_INPUT unless exactly one decision was given */
function parseDecision(options: Readonly<Record<string, unknown>>): Decision {
  const decisions: Decision[] = [];
  if (options["keepAccounts"] === true) decisions.push({ decision: "keep-accounts" });
  if (options["retry"] === true) decisions.push({ decision: "retry" });
  if (options["acceptRollback"] === true) decisions.push({ decision: "accept-rollback" });
  if (options["accept"] !== undefined) {
    decisions.push({ decision: "accept", version: parseCount("--accept", options["accept"]), verified: false });
  }
  const [only, ...others] = decisions;
  if (only !== undefined && others.length === 0) return only;
  throw new CoffreError(
    "INVALID_INPUT",
    only === undefined ? "No decision was given" : "Only one decision can be taken",
    {
      hint: "Give one of --retry, --accept <version>, --accept-rollback, --keep-accounts. `coffre attention` says which fits.",
    },
  );
}

/** A version that is taken by mistake is what everybody reads, and the target refuses. @throws CoffreError CONFLICT */
async function refuseNeedless(
  { terminal }: CommandContext,
  credential: Credential,
  version: number,
  isSure: boolean,
): Promise<void> {
  if (isSure || credential.journal.attention || credential.versions.every(({ number }) => number !== version)) return;
  const path = pathText(credential);
  const problem = `${path} needs no decision (${credential.status}, ${currentText(credential)})`;
  if (terminal.canAsk && (await askYes(`${problem}. Make version ${String(version)} what everybody reads?`))) return;
  throw new CoffreError("CONFLICT", problem, {
    hint: `\`coffre verify\` says which version the target accepts. If version ${String(version)} is to be current all the same, add --yes.`,
    details: { id: credential.id },
  });
}

/** Of every account on the hosts that these credentials' passwords log in to, as themselves or as an admin. */
async function giveBudgetBack(context: RotationContext, credentials: readonly Credential[]): Promise<void> {
  const all = (await collect(context.vault.listCredentials())).flatMap((other) => targetsOf(context, other));
  const ids = new Set(credentials.map(({ id }) => id));
  const administrated = all.filter(({ record: { adminId } }) => adminId !== undefined && ids.has(adminId));
  const own = [...credentials.flatMap((credential) => targetsOf(context, credential)), ...administrated];
  const hosts = new Set(own.flatMap(hostsOf));
  const accounts = new Set<string>();
  for (const target of [...own, ...all.filter((other) => hostsOf(other).some((host) => hosts.has(host)))]) {
    for (const account of accountsOf(target.record)) accounts.add(account);
    const admin = await adminAccount(context, target);
    if (admin !== undefined) accounts.add(admin);
  }
  for (const account of accounts) await context.vault.clearLogins(account);
}

/** As a booked login names them. */
function hostsOf({ spec }: Target): string[] {
  return [spec.address, ...spec.verifyAddresses].map(({ host, port }) => `${host}:${port}`);
}

async function adminAccount(context: RotationContext, { record, spec }: Target): Promise<string | undefined> {
  if (spec.admin.by === "self") return undefined;
  const username =
    spec.admin.by === "connection"
      ? spec.admin.username
      : record.adminId === undefined
        ? undefined
        : usernameOf(await context.vault.readCredential(record.adminId));
  if (username === undefined) return undefined;
  return driverFor(context.drivers, spec.kind).parse(spec.description, username).account;
}
