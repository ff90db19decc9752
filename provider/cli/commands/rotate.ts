import { CoffreError } from "../../core/errors.js";
import { commandCause } from "../../rotation/causes.js";
import { dueCause, isDue, waitsUntil } from "../../rotation/due.js";
import { isDrainDue } from "../../rotation/overlap.js";
import { reachCauses, resume, type RotationOutcome } from "../../rotation/rotate.js";
import { Slots } from "../../rotation/turns.js";
import type { Credential, Vault } from "../../vault/port.js";
import { complainOf, exitCodeOf, forEachCredential, itemShape, type Outcome } from "../bulk.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, dueText, pathText } from "../describe.js";
import { warnOfNone } from "../none-warning.js";
import { findCredentials, parseCount } from "../reference.js";
import { credentialShape, currentVersion } from "../shape.js";
import { collect } from "../../core/collect.js";
import { tellOutstanding } from "./notify.js";

export const rotate: CommandDefinition = {
  name: "rotate",
  summary: "draw, set and prove new passwords, now or where they are due",
  description: [
    "Rotates credentials: a new password is drawn by the category's policy, kept in the vault as pending, set on every target, proven by a login, and only then made current. The one before stays in the history.",
    "A rotation that somebody left unfinished is finished instead, with the password that was drawn for it: to run `coffre rotate` again after a failure never draws a second one. One credential that fails doesn't stop the others.",
    '`--due` rotates what its rhythm (`rotation.everyDays`) wants by now; give it to cron or a pipeline. Two that run at once rotate each credential once. Where rotations overlap (`overlap: "alternating"`), it also ends the logins of versions before whose time is over (`drained`). What has a window (`rotation.window`) begins in it only, and is `waiting` until then; what has begun may end after it, and what is named is rotated at once.',
  ],
  arguments: [{ name: "[ref...]", description: "the credentials, unless --due" }],
  options: [
    { flags: "--due", description: "all credentials whose rhythm wants it by now" },
    { flags: "--dry-run", description: "only say which ones it would be" },
    { flags: "--parallel <number>", description: "change so many targets at a time (default 4)" },
  ],
  examples: [
    { command: "coffre rotate Databases/orders-app", does: "one, now" },
    { command: "coffre rotate --due", does: "whatever is due: for a nightly job" },
    { command: "coffre rotate --due --dry-run", does: "what a nightly job would do" },
  ],
  json: "An array, one object for each credential: `ref`, `id`, `action` (rotated, finished, mended, drained, none, waiting), `opensAt` (of one that waits for its window), `version`, `previousVersion`, `error` (`null`, or `code`, `problem`, `hint`, `details`, `exitCode`). With --dry-run the credentials as `coffre get --json` shows them.",
  exits: [
    { code: 6, when: "every credential that failed needs a person: see `coffre attention`" },
    { code: 1, when: "some failed, for different reasons or because a target didn't answer; run it again to go on" },
  ],
  takesReferences: true,
  async run(context, { args, options }) {
    const { terminal } = context;
    const due = options["due"] === true;
    const parallel = options["parallel"] === undefined ? 4 : parseCount("--parallel", options["parallel"]);
    if (due === args.length > 0) {
      throw new CoffreError(
        "INVALID_INPUT",
        due ? "--due finds the credentials itself" : "Nothing to rotate was named",
        {
          hint: "Name credentials, or give --due.",
        },
      );
    }
    const vault = await context.vault();
    const credentials = due ? await findDue(context, vault) : await findCredentials(vault, args);
    for (const credential of credentials) refuseExternal(credential);
    if (options["dryRun"] === true) return printPlan(context, credentials);
    if (credentials.length === 0) terminal.note("Nothing is due.");

    const order = commandCause();
    const rotation = { ...(await context.rotation()), changes: new Slots(parallel), adminConnections: parallel };
    const outcomes = await forEachCredential<Turn>(context, credentials, {
      parallel: 3 * parallel - 2, // while so many targets are changed, the vault writes what came before and comes next
      doing: "rotating",
      ended: (outcome) => context.json || printOutcome(context, outcome),
      work: async (credential) => {
        // What is pending was drawn and never used: to finish it is the rotation that was asked for.
        if (credential.journal.pending) return resume(rotation, credential.id);
        if (!due) return reachCauses(rotation, credential.id, [order], { found: credential });
        // Asked when its turn comes: those before it may have taken until its window was closed.
        const now = context.clock.now();
        const opensAt = await waitsUntil(credential, now);
        if (isDrainDue(credential, now) && (!isDue(credential, now) || opensAt)) return resume(rotation, credential.id);
        if (opensAt !== undefined) return waiting(credential, opensAt);
        return reachCauses(rotation, credential.id, [dueCause(credential)], { found: credential });
      },
    });
    if (context.json) terminal.json(await Promise.all(outcomes.map((outcome) => outcomeShape(vault, outcome))));
    reportNotBegun(context, credentials.length - outcomes.length);
    await tellOutstanding(context, due ? await collect(vault.listCredentials()) : reached(outcomes));
    return exitCodeOf(outcomes);
  },
};

/** How a credential came out, also one whose turn hasn't come. */
type Turn = RotationOutcome | { action: "waiting"; version: number | undefined; opensAt: Date };

function waiting(credential: Credential, opensAt: Date): Turn {
  return { action: "waiting", version: currentVersion(credential)?.number, opensAt };
}

async function findDue({ clock, terminal }: CommandContext, vault: Vault): Promise<Credential[]> {
  const now = clock.now();
  const all = await collect(vault.listCredentials());
  if (all.length === 0) warnOfNone(terminal);
  return all.filter(
    (credential) => credential.valueManagedBy === "coffre" && (isDue(credential, now) || isDrainDue(credential, now)),
  );
}

function refuseExternal(credential: Credential): void {
  if (credential.valueManagedBy === "coffre") return;
  throw new CoffreError("INVALID_INPUT", `The value of ${pathText(credential)} is managed by people`, {
    hint: "`coffre put` gives it a new one.",
  });
}

async function printPlan(context: CommandContext, credentials: readonly Credential[]): Promise<void> {
  const now = context.clock.now();
  if (context.json) {
    const identity = await (await context.vault()).identity();
    context.terminal.json(
      await Promise.all(credentials.map((credential) => credentialShape(identity, credential, now))),
    );
    return;
  }
  if (credentials.length === 0) context.terminal.note("Nothing is due.");
  for (const credential of credentials) {
    context.terminal.print(
      [pathText(credential), await dueText(credential, now)].filter((part) => part !== undefined).join("  "),
    );
  }
}

/** One line for what became of a credential; also for `coffre resume`. */
export function printOutcome(context: CommandContext, outcome: Outcome<Turn>): void {
  if ("error" in outcome) {
    complainOf(context, outcome.credential, outcome.error);
    return;
  }
  const { terminal } = context;
  const { action, version } = outcome.result;
  if (action === "waiting") {
    const opens = `its window opens ${dateText(outcome.result.opensAt)}`;
    terminal.print(`${terminal.style("dim", "waiting ")} ${pathText(outcome.credential)}  ${opens}`);
    return;
  }
  const word = {
    rotated: "rotated ",
    finished: "finished",
    mended: "mended  ",
    drained: "drained ",
    none: "as it was",
  }[action];
  const before = currentVersion(outcome.credential)?.number;
  const versions =
    action === "none" || action === "mended" || action === "drained" || before === undefined
      ? `version ${String(version)}`
      : `version ${String(before)} -> ${String(version)}`;
  terminal.print(`${terminal.style("green", word)} ${pathText(outcome.credential)}  ${versions}`);
}

/** The same for `--json`. */
export async function outcomeShape(vault: Vault, outcome: Outcome<Turn>): Promise<Record<string, unknown>> {
  const { error, ...names } = itemShape(await vault.identity(), outcome);
  const done = "result" in outcome ? outcome.result : undefined;
  const previousVersion = currentVersion(outcome.credential)?.number ?? null;
  return {
    ...names,
    action: done?.action ?? "none",
    opensAt: done?.action === "waiting" ? done.opensAt.toISOString() : null,
    version: done?.version ?? previousVersion,
    previousVersion,
    error,
  };
}

/** The credentials as they are after their rotation. */
export function reached(outcomes: readonly Outcome<Turn>[]): Credential[] {
  return outcomes.flatMap((outcome) =>
    "result" in outcome && "credential" in outcome.result ? [outcome.result.credential] : [],
  );
}

/** After a Ctrl-C: what was left out. */
export function reportNotBegun({ terminal }: CommandContext, notBegun: number): void {
  if (notBegun > 0) terminal.note(`Interrupted: ${String(notBegun)} not begun. Run it again to go on.`);
}
