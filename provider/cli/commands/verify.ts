import { CoffreError } from "../../core/errors.js";
import { type TargetVerdict, verifyCredential } from "../../rotation/verify.js";
import { referenceOf } from "../../rotation/resolve-reference.js";
import type { Credential } from "../../vault/port.js";
import { complainOf, exitCodeOf, forEachCredential, itemShape, type Outcome } from "../bulk.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { pathText, typedPath } from "../describe.js";
import { findCredentials, parseCount } from "../reference.js";
import { printable } from "../terminal.js";
import { collect } from "../../core/collect.js";
import { adviceFor } from "./attention.js";

const PARALLEL = 4;
const ATTENTION_NEEDED = 6;

/** For people; the vault's word stands in `--json`. */
const VERDICTS: Record<TargetVerdict["verdict"], string> = {
  agrees: "agrees with the vault",
  "pending-version": "has the pending version: `coffre resume` finishes it",
  "earlier-version": "has an earlier version",
  differs: "accepts no version that the vault would try",
  unreachable: "could not be asked, or did not answer",
  "not-verifiable": "can't prove a password",
  "not-tried": "was not tried",
};
const DIFFERENT: readonly TargetVerdict["verdict"][] = ["pending-version", "earlier-version", "differs"];

export const verify: CommandDefinition = {
  name: "verify",
  summary: "log in to the targets to see which version they accept",
  description: [
    "Tries the vault's versions on each target, the one most likely to work first, and says which one it accepts; where the target names `verifyHosts`, each of them is asked too. Nothing is changed on a target. One that has another password is noted: the next `pulumi up` or `coffre resume <ref>` sets the vault's current one again, by the admin; a current version that works and wasn't verified yet is marked as verified. After a restore, a credential whose targets all agree needs no other decision.",
    "Earlier versions are tried too, newest first: a target may have been put back, or the vault restored. With --all, entries that have no target and still need a person's decision after a restore are listed with what to do.",
    "With --all, one login is refused on each host at most, so that what was found can be mended: other accounts of that host are tried when it is, and which earlier version a target has, `coffre verify <ref>` finds. After a restore --all looks further back as well.",
    "A refused login costs the account's budget (2 in 30 minutes) and the host's (2 in an hour), so it stops at the first version that works, and when the budget is spent; then it says which versions it didn't try any more, and --only goes on with one of them.",
  ],
  arguments: [{ name: "[ref...]", description: "the credentials, unless --all" }],
  options: [
    { flags: "--all", description: "every credential that has a target" },
    { flags: "--only <version>", description: "try this version only, for example one that was not tried before" },
  ],
  examples: [
    { command: "coffre verify Databases/orders-app", does: "does the vault's password work?" },
    { command: "coffre verify Databases/orders-app --only 3", does: "is it this earlier one?" },
    { command: "coffre verify --all", does: "after a backup was restored, or for an audit" },
  ],
  json: "An array, one object for each credential: `ref`, `id`, `targets` (`account`, `address`, `verdict`, `version`, `reason`, and the versions `refused` and `untried`), `decision` (what a person has to do about an entry that has no target, after a restore), `error`. Verdicts: agrees, pending-version, earlier-version, differs, unreachable, not-verifiable, not-tried.",
  exits: [
    { code: 1, when: "a target didn't answer, can't prove a password, or was not tried" },
    { code: 6, when: "a target accepts another version than the current one, or none, or an entry needs a decision" },
  ],
  takesReferences: true,
  async run(context, { args, options }) {
    const everything = options["all"] === true;
    if (everything === args.length > 0) {
      throw new CoffreError("INVALID_INPUT", everything ? "--all names them all" : "Nothing to verify was named", {
        hint: "Name credentials, or give --all.",
      });
    }
    const only = options["only"] === undefined ? {} : { version: parseCount("--only", options["only"]) };
    if (args.length !== 1 && only.version !== undefined) {
      throw new CoffreError("INVALID_INPUT", "--only is for one credential", {
        hint: "Name the one that it is about.",
      });
    }
    const vault = await context.vault();
    const identity = await vault.identity();
    const all = everything ? await collect(vault.listCredentials()) : await findCredentials(vault, args);
    const credentials = everything ? all.filter(({ targets }) => targets.length > 0) : all;
    const undecided = everything ? all.filter(isUndecided) : [];
    if (everything && credentials.length + undecided.length === 0) {
      context.terminal.note("No credential has a target: there is nothing to verify.");
    }
    const rotation = await context.rotation();
    const outcomes = await forEachCredential<TargetVerdict[]>(context, credentials, {
      parallel: PARALLEL,
      doing: "verifying",
      ended: (outcome) => context.json || printOutcome(context, outcome, identity.name),
      work: ({ id }) => verifyCredential(rotation, id, { ...only, sparing: everything }),
    });
    if (context.json) {
      const shapes = outcomes.map((outcome) => {
        const { error, ...names } = itemShape(identity, outcome);
        return {
          ...names,
          targets: "result" in outcome ? outcome.result.map(verdictShape) : [],
          decision: null,
          error,
        };
      });
      const open = undecided.map((credential) => ({
        ref: referenceOf(identity, credential).ref,
        id: credential.id,
        targets: [],
        decision: adviceFor(credential, identity.name),
        error: null,
      }));
      context.terminal.json([...shapes, ...open]);
    } else {
      for (const credential of undecided) {
        const advice = adviceFor(credential, identity.name);
        context.terminal.print(
          `${pathText(credential)}  ${context.terminal.style("yellow", "needs a decision")}: ${advice}`,
        );
      }
    }
    return exitCodeOf(outcomes) || (undecided.length > 0 ? ATTENTION_NEEDED : exitCodeOfVerdicts(outcomes));
  },
};

/** The vault was restored, and no target can say whether it holds. */
function isUndecided({ journal, targets }: Credential): boolean {
  return journal.attention?.reason === "rolled-back" && targets.length === 0;
}

function printOutcome(context: CommandContext, outcome: Outcome<TargetVerdict[]>, vault: string): void {
  if ("error" in outcome) {
    complainOf(context, outcome.credential, outcome.error);
    return;
  }
  const { terminal } = context;
  const path = pathText(outcome.credential);
  if (outcome.result.length === 0) terminal.print(`${path}  has no target to verify`);
  for (const { account, address, verdict, version, reason, refused, untried } of outcome.result) {
    const which = version === undefined ? "" : ` (version ${String(version)})`;
    const why = reason === undefined ? "" : `: ${printable(reason)}`;
    const said = terminal.style(verdict === "agrees" ? "green" : "yellow", VERDICTS[verdict]);
    const several = outcome.result.filter((other) => other.account === account).length > 1;
    const where = several ? `${account} at ${address}` : account;
    terminal.print(`${path}  ${where} ${said}${which}${why}`);
    const [next] = untried;
    if (next === undefined || refused.length === 0) continue;
    const goOn = `coffre verify ${typedPath(vault, outcome.credential.path)} --only ${String(next)}`;
    terminal.note(
      `Refused: ${versionsText(refused)}; not tried any more: ${versionsText(untried)}. Later, \`${goOn}\` goes on.`,
    );
  }
}

function versionsText(numbers: readonly number[]): string {
  return `${numbers.length === 1 ? "version" : "versions"} ${numbers.join(", ")}`;
}

function verdictShape({ version, reason, ...verdict }: TargetVerdict) {
  return { ...verdict, version: version ?? null, reason: reason ?? null };
}

function exitCodeOfVerdicts(outcomes: readonly Outcome<TargetVerdict[]>[]): number {
  const verdicts = outcomes
    .flatMap((outcome) => ("result" in outcome ? outcome.result : []))
    .map(({ verdict }) => verdict);
  if (verdicts.some((verdict) => DIFFERENT.includes(verdict))) return ATTENTION_NEEDED;
  return verdicts.every((verdict) => verdict === "agrees") ? 0 : 1;
}
