import { CoffreError } from "../../core/errors.js";
import { acknowledge as endNow } from "../../rotation/acknowledge.js";
import type { RotationOutcome } from "../../rotation/rotate.js";
import { exitCodeOf, forEachCredential } from "../bulk.js";
import type { CommandDefinition } from "../definition.js";
import { findCredentials, parseCount } from "../reference.js";
import { outcomeShape, printOutcome, reportNotBegun } from "./rotate.js";

const PARALLEL = 4;

export const acknowledge: CommandDefinition = {
  name: "acknowledge",
  summary: "say that nobody uses the version before any more, so that its login ends",
  description: [
    'Where rotations overlap (`overlap: "alternating"`), the login of the version before goes on working for `drainSeconds` after a rotation. This ends that time at once: everybody who had the earlier password has the current one. The login is then disabled, and its password is dead; sessions that it has stay. The acknowledgement is an event in the vault\'s log.',
    "If the target doesn't answer, the acknowledgement is kept, and `coffre resume` or the next run ends the login. Of a credential of which nothing drains it changes nothing.",
    "A consumer that acknowledges by itself gives the version that it has, with --if-version: if another one has become current meanwhile, it has not got that, and the login that it uses stays.",
  ],
  arguments: [{ name: "<ref...>", description: "the credentials" }],
  options: [
    { flags: "--if-version <number>", description: "only if this, which the consumers have, is the current version" },
  ],
  examples: [
    { command: "coffre acknowledge Databases/orders-app", does: "every consumer has the new password" },
    {
      command: "coffre acknowledge Databases/orders-app --if-version 7",
      does: "a consumer says what it has, by the version that a hook told it",
    },
    {
      command: "coffre acknowledge Databases/orders-app && coffre rotate Databases/orders-app",
      does: "a leaked password: two rotations without the pause between",
    },
  ],
  json: "An array, one object for each credential: `ref`, `id`, `action` (drained, none), `version`, `previousVersion`, `error`.",
  exits: [
    { code: 1, when: "a target didn't answer; the acknowledgement is kept, `coffre resume` goes on" },
    { code: 5, when: "another version than that of --if-version is current; nothing was changed" },
  ],
  takesReferences: true,
  async run(context, { args, options }) {
    const ifVersion = options["ifVersion"] === undefined ? undefined : parseCount("--if-version", options["ifVersion"]);
    if (ifVersion !== undefined && args.length > 1) {
      throw new CoffreError("INVALID_INPUT", "--if-version is a version of one credential", {
        hint: "Name one credential, or leave the option out.",
      });
    }
    const vault = await context.vault();
    const credentials = await findCredentials(vault, args);
    const rotation = await context.rotation();
    const outcomes = await forEachCredential<RotationOutcome>(context, credentials, {
      parallel: PARALLEL,
      doing: "ending",
      ended: (outcome) => context.json || printOutcome(context, outcome),
      work: ({ id }) => endNow(rotation, id, ifVersion === undefined ? {} : { ifVersion }),
    });
    if (context.json) context.terminal.json(await Promise.all(outcomes.map((outcome) => outcomeShape(vault, outcome))));
    reportNotBegun(context, credentials.length - outcomes.length);
    return exitCodeOf(outcomes);
  },
};
