import { isDrainDue } from "../../rotation/overlap.js";
import { isUnfinished, resume as finish, type RotationOutcome } from "../../rotation/rotate.js";
import type { Credential } from "../../vault/port.js";
import { exitCodeOf, forEachCredential } from "../bulk.js";
import type { CommandDefinition } from "../definition.js";
import { warnOfNone } from "../none-warning.js";
import { findCredentials } from "../reference.js";
import { tellOutstanding } from "./notify.js";
import { outcomeShape, printOutcome, reached, reportNotBegun } from "./rotate.js";
import { collect } from "../../core/collect.js";

const PARALLEL = 4;

export const resume: CommandDefinition = {
  name: "resume",
  summary: "finish rotations that a killed or failed run left behind",
  description: [
    "Finishes rotations that were begun and not ended, whoever began them: a `pulumi up`, a `coffre rotate`, another machine. The password that was drawn is brought into force; no other is drawn. Of an entry whose first password was never drawn, since its target wasn't ready (`awaiting-rotation` in `coffre list`), it tries the first rotation again. Without arguments it finishes all that are unfinished. A credential that is named and whose target was changed behind Coffre's back (`drifted` in `coffre attention`) gets its current password there again, by the admin. Where rotations overlap, it ends the logins of versions before whose time is over. An ordinary `pulumi up` does the same for its own stack.",
  ],
  arguments: [{ name: "[ref...]", description: "the credentials; all unfinished ones if none is named" }],
  examples: [
    { command: "coffre resume", does: "finish whatever was left" },
    { command: "coffre resume Databases/orders-app", does: "only this one" },
  ],
  json: "An array, one object for each credential: `ref`, `id`, `action` (finished, rotated, mended, drained, none), `version`, `previousVersion`, `error`.",
  exits: [{ code: 6, when: "every credential that failed needs a person: see `coffre attention`" }],
  takesReferences: true,
  async run(context, { args }) {
    const { terminal } = context;
    const vault = await context.vault();
    const named = await findCredentials(vault, args);
    const now = context.clock.now();
    const needsRun = (credential: Credential) => isUnfinished(credential) || isDrainDue(credential, now);
    const all = args.length > 0 ? named : await collect(vault.listCredentials());
    if (all.length === 0) warnOfNone(terminal);
    const credentials = args.length > 0 ? named : all.filter(needsRun);
    if (credentials.length === 0) terminal.note("Nothing is unfinished.");
    const rotation = await context.rotation();
    const outcomes = await forEachCredential<RotationOutcome>(context, credentials, {
      parallel: PARALLEL,
      doing: "finishing",
      ended: (outcome) => context.json || printOutcome(context, outcome),
      work: ({ id }) => finish(rotation, id),
    });
    if (context.json) terminal.json(await Promise.all(outcomes.map((outcome) => outcomeShape(vault, outcome))));
    reportNotBegun(context, credentials.length - outcomes.length);
    await tellOutstanding(context, args.length > 0 ? reached(outcomes) : await collect(vault.listCredentials()));
    return exitCodeOf(outcomes);
  },
};
