import { isUnfinished } from "../../rotation/rotate.js";
import { isDrainDue } from "../../rotation/overlap.js";
import { waitsUntil } from "../../rotation/due.js";
import { untold } from "../../rotation/notify/deliver.js";
import { type Credential, DRIFTED } from "../../vault/port.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, pathText, typedPath } from "../describe.js";
import { credentialShape } from "../shape.js";
import { printable } from "../terminal.js";
import { collect } from "../../core/collect.js";

const ATTENTION_NEEDED = 6;

/** What a person can do, by the journal's word; `docs/operation.md` says more. */
const ADVICE: Readonly<Record<string, string>> = {
  "set-but-refused":
    "Look at the target's own log. `coffre verify <ref>` finds the version that works: then --accept <version>, or --retry, which sets the pending one again.",
  "not-verifiable":
    "Let the target ask for a proof again (for PostgreSQL: scram-sha-256 in pg_hba.conf), then --retry.",
  "value-refused":
    "`coffre verify <ref>`: if the pending version works everywhere, --accept <version>. Else mend the target's own password rule, then --retry: the same version goes on.",
  "draws-exhausted": "Compare the target's password rules with the category's policy, mend one of them, then --retry.",
  "no-way-in":
    "If a version is known to work on the target (`coffre verify <ref>` tries them, or log in by hand), --accept <version>. Else set the account's password on the target to the current version's value (`coffre read <ref>`), then --retry.",
  "admin-refused": "Bring the admin's password in the vault up to date, then --retry.",
  "budget-spent": "Find out who uses up the logins, then --retry, which gives the budget back.",
  "accounts-left":
    "Let the server answer, then run `pulumi up` of its stack again, which ends them. To leave them as they are, --keep-accounts.",
  "not-told":
    "Mend the receiver, then `coffre notify <ref>`; every `coffre rotate --due`, `coffre resume` and `pulumi up` tries too. The password itself is in force. To give it up, `coffre notify <ref> --forget`.",
  [DRIFTED]:
    "The next `pulumi up` sets the vault's version again, unless `coffre:onDrift` is `report`; `coffre resume <ref>` does it now, and `coffre rotate <ref>` sets a new one. If it is to stay as it is on the target and the vault has that version: --accept <version>.",
  "rolled-back, no target":
    "No target can tell. See whether the value is still the right one (`coffre read <ref>`), then --accept-rollback.",
  "rolled-back":
    "`coffre verify <ref>` finds the version that the target accepts: --accept <version>, or --accept-rollback if it is the current one.",
};
/** Stands where a journal's word does: accounts of earlier targets. */
const LEAVING = "accounts-left";
/** The same: hooks that don't answer. */
const UNTOLD = "not-told";
const OTHER_ADVICE =
  "`coffre history <ref>` and `coffre verify <ref>` show where it stands; then --retry or --accept <version>.";

export const attention: CommandDefinition = {
  name: "attention",
  summary: "list what needs a person: what, why, since when, what to do",
  description: [
    "Lists the credentials whose rotation stopped because no rule can decide: why, since when, and what to do about it. Nothing about them is rotated until `coffre resolve` says how to go on. Rotations that are merely unfinished need nobody: a note names them, and `coffre resume` goes on. It also lists those that have left an account behind which could not be disabled or dropped, and those whose hooks (`notify`) don't answer. A note says what is due and when its window opens. Every value that may be in force is in the vault (`coffre history`).",
  ],
  examples: [
    { command: "coffre attention", does: "what is there, and what to do" },
    {
      command: "coffre attention --quiet || notify-ops",
      does: "for a monitor: the exit code says whether there is anything",
    },
  ],
  json: "An array of credentials as `coffre get --json` shows them, each with `advice`.",
  exits: [
    { code: 0, when: "nothing needs a person" },
    { code: 6, when: "something does" },
  ],
  async run(context) {
    const { terminal, clock } = context;
    const vault = await context.vault();
    const identity = await vault.identity();
    const all = await collect(vault.listCredentials());
    const waiting = all.filter((credential) => needOf(credential) !== undefined);
    if (context.json) {
      const shapes = waiting.map(async (credential) => ({
        ...(await credentialShape(identity, credential, clock.now())),
        advice: adviceFor(credential, identity.name),
      }));
      terminal.json(await Promise.all(shapes));
    } else {
      if (waiting.length === 0) terminal.note("Nothing needs attention.");
      for (const credential of waiting) print(context, credential, identity.name);
      noteUnfinished(
        context,
        all.filter((credential) => !waiting.includes(credential)),
      );
      await noteWindows(context, all);
    }
    return waiting.length === 0 ? 0 : ATTENTION_NEEDED;
  },
};

/** They need nobody: the next run finishes them, unless what kept it is still there. */
function noteUnfinished({ terminal, clock }: CommandContext, others: readonly Credential[]): void {
  const [first, ...more] = others.filter(
    (credential) => isUnfinished(credential) || isDrainDue(credential, clock.now()),
  );
  if (first === undefined) return;
  const count = more.length === 0 ? "" : ` and ${String(more.length)} more`;
  terminal.note(`Unfinished: ${pathText(first)}${count}. \`coffre resume\` goes on, or says why not.`);
}

/** What is due and waits for its window needs nobody either, but a job that runs while it is open. */
async function noteWindows({ terminal, clock }: CommandContext, all: readonly Credential[]): Promise<void> {
  const openings = await Promise.all(
    all.map(async (credential) => ({ credential, opensAt: await waitsUntil(credential, clock.now()) })),
  );
  const [first, ...more] = openings
    .flatMap(({ credential, opensAt }) => (opensAt === undefined ? [] : [{ credential, opensAt }]))
    .sort((a, b) => a.opensAt.getTime() - b.opensAt.getTime());
  if (first === undefined) return;
  const count = more.length === 0 ? "" : ` and ${String(more.length)} more`;
  const next = `the next window opens ${dateText(first.opensAt)}`;
  terminal.note(`Due, and waiting for a window: ${pathText(first.credential)}${count}; ${next}.`);
}

/** What a person has to see to first, and why; nothing for most. */
function needOf(credential: Credential): { reason: string; message: string; since?: string } | undefined {
  const { journal, leaving, notices } = credential;
  if (journal.attention) return journal.attention;
  if (leaving.length > 0) {
    const accounts = leaving.map(({ account }) => account).join(", ");
    return { reason: LEAVING, message: `no targets any more, and not ended: ${accounts}` };
  }
  const failed = notices.find(({ problem }) => problem !== undefined);
  return failed && { reason: UNTOLD, message: untold(credential).join("; "), since: failed.at };
}

function print({ terminal }: CommandContext, credential: Credential, vault: string): void {
  const need = needOf(credential);
  if (!need) return;
  terminal.print(
    `${terminal.style("bold", pathText(credential))}  ${terminal.style("yellow", printable(need.reason))}`,
  );
  terminal.print(`  what   ${printable(need.message)}`);
  if (need.since !== undefined) terminal.print(`  since  ${dateText(need.since)}`);
  terminal.print(`  do     ${adviceFor(credential, vault)}`);
}

/** What a person can do about a credential that needs attention, with the command. */
export function adviceFor(credential: Credential, vault: string): string {
  const reason = needOf(credential)?.reason ?? "";
  const word = reason === "rolled-back" && credential.targets.length === 0 ? "rolled-back, no target" : reason;
  const advice = ADVICE[word] ?? OTHER_ADVICE;
  const typed = typedPath(vault, credential.path);
  return advice
    .replaceAll("<ref>", typed)
    .replace(/--(retry|accept-rollback|accept <version>|keep-accounts)/, `\`coffre resolve ${typed} --$1\``);
}
