import { CoffreError } from "../../core/errors.js";
import type { RotationContext } from "../../rotation/context.js";
import { driverFor } from "../../rotation/context.js";
import { targetsOf } from "../../rotation/targets.js";
import type { Credential, Resolution } from "../../vault/port.js";
import type { CommandDefinition } from "../definition.js";
import { pathText, typedPath } from "../describe.js";
import { findCredential, parseCount } from "../reference.js";
import { credentialShape } from "../shape.js";

export const resolve: CommandDefinition = {
  name: "resolve",
  summary: "say how to go on with a credential that needs attention",
  description: [
    "Takes a person's decision about a credential that `coffre attention` lists. The decision is an event in the vault's log.",
    "--retry lets the next run go on with what is pending, and gives the account's budget of refused logins back; for an admin's credential also the budget of the accounts that it logs in to. --accept takes one version as the one that works; it counts as not verified until `coffre verify` has proven it. --accept-rollback takes the vault as it is, though a state has seen a newer one.",
  ],
  arguments: [{ name: "<ref>", description: "the credential" }],
  options: [
    { flags: "--retry", description: "go on with the pending version" },
    { flags: "--accept <version>", description: "this version is the one that works" },
    { flags: "--accept-rollback", description: "the vault, though older than a state says, is what holds" },
  ],
  examples: [
    {
      command: "coffre resolve Databases/orders-app --retry && coffre resume Databases/orders-app",
      does: "the reason was mended: go on",
    },
    { command: "coffre resolve Databases/orders-app --accept 3", does: "version 3 was tried, and works" },
  ],
  json: "The credential after the decision, as `coffre get --json` shows it.",
  exits: [{ code: 3, when: "no such credential or version" }],
  takesReferences: true,
  async run(context, { args: [ref = ""], options }) {
    const decision = parseDecision(options);
    const { terminal, clock } = context;
    const vault = await context.vault();
    const before = await findCredential(vault, ref);
    if (decision.decision === "retry") await giveBudgetBack(await context.rotation(), before);
    const after = await vault.resolveCredential(before.id, decision);

    const identity = await vault.identity();
    if (context.json) {
      terminal.json(credentialShape(identity, after, clock.now()));
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

/** @throws CoffreError INVALID_INPUT unless exactly one decision was given */
function parseDecision(options: Readonly<Record<string, unknown>>): Resolution {
  const decisions: Resolution[] = [];
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
      hint: "Give one of --retry, --accept <version>, --accept-rollback. `coffre attention` says which fits.",
    },
  );
}

/** Of every account that this credential's password, or its targets' admins, log in to. */
async function giveBudgetBack(context: RotationContext, credential: Credential): Promise<void> {
  const accounts = new Set<string>();
  for (const { spec } of targetsOf(context, credential)) {
    accounts.add(spec.account);
    if (spec.admin.by !== "connection") continue;
    accounts.add(driverFor(context.drivers, spec.kind).parse(spec.description, spec.admin.username).account);
  }
  for (const id of await context.vault.listDependants(credential.id)) {
    const dependant = await context.vault.readCredential(id);
    for (const { record, spec } of targetsOf(context, dependant)) {
      if (record.adminId !== credential.id) continue;
      accounts.add(driverFor(context.drivers, spec.kind).parse(spec.description, credential.username).account);
    }
  }
  for (const account of accounts) await context.vault.clearLogins(account);
}
