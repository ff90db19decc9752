import { acknowledge as endNow } from "../../rotation/acknowledge.js";
import type { RotationOutcome } from "../../rotation/rotate.js";
import { exitCodeOf, forEachCredential } from "../bulk.js";
import type { CommandDefinition } from "../definition.js";
import { findCredentials } from "../reference.js";
import { outcomeShape, printOutcome, reportNotBegun } from "./rotate.js";

const PARALLEL = 4;

export const acknowledge: CommandDefinition = {
  name: "acknowledge",
  summary: "say that nobody uses the version before any more, so that its login ends",
  description: [
    'Where rotations overlap (`overlap: "alternating"`), the login of the version before goes on working for `drainSeconds` after a rotation. This ends that time at once: everybody who had the earlier password has the current one. The login is then disabled, and its password is dead; sessions that it has stay. The acknowledgement is an event in the vault\'s log.',
    "If the target doesn't answer, the acknowledgement is kept, and `coffre resume` or the next run ends the login. Of a credential of which nothing drains it changes nothing.",
  ],
  arguments: [{ name: "<ref...>", description: "the credentials" }],
  examples: [
    { command: "coffre acknowledge Databases/orders-app", does: "every consumer has the new password" },
    {
      command: "coffre acknowledge Databases/orders-app && coffre rotate Databases/orders-app",
      does: "a leaked password: two rotations without the pause between",
    },
  ],
  json: "An array, one object for each credential: `ref`, `id`, `action` (drained, none), `version`, `previousVersion`, `error`.",
  exits: [{ code: 1, when: "a target didn't answer; the acknowledgement is kept, `coffre resume` goes on" }],
  takesReferences: true,
  async run(context, { args }) {
    const vault = await context.vault();
    const credentials = await findCredentials(vault, args);
    const rotation = await context.rotation();
    const outcomes = await forEachCredential<RotationOutcome>(context, credentials, {
      parallel: PARALLEL,
      doing: "ending",
      ended: (outcome) => context.json || printOutcome(context, outcome),
      work: ({ id }) => endNow(rotation, id),
    });
    if (context.json) context.terminal.json(await Promise.all(outcomes.map((outcome) => outcomeShape(vault, outcome))));
    reportNotBegun(context, credentials.length - outcomes.length);
    return exitCodeOf(outcomes);
  },
};
