import { findCredential } from "../reference.js";
import type { CommandDefinition } from "../definition.js";
import { causeShape, causesText, dateText, pathText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const history: CommandDefinition = {
  name: "history",
  summary: "list a credential's versions: when, why, proven or not",
  description: [
    "Lists every version of a credential, the newest first, with its state, its cause and its dates. Values aren't shown: `coffre read '<ref>?version=3'` reads one.",
    "Previous and discarded versions keep their value for at least 30 days, and until two newer ones were verified.",
  ],
  arguments: [{ name: "<ref>", description: "the credential" }],
  examples: [
    { command: "coffre history Databases/orders-app", does: "which version was valid when" },
    { command: "coffre read 'Databases/orders-app?version=2'", does: "the value of one of them" },
  ],
  json: "An array, the newest first: `version`, `state` (pending, current, previous, discarded), `verified`, `causes` (`kind`, `date`), `createdAt`, `promotedAt`, `discardReason`.",
  takesReferences: true,
  async run(context, { args: [ref = ""] }) {
    const { terminal } = context;
    const credential = await findCredential(await context.vault(), ref);
    const versions = credential.versions.toSorted((left, right) => right.number - left.number);
    if (context.json) {
      terminal.json(
        versions.map(({ number, state, verified, causes, createdAt, promotedAt, discardReason }) => ({
          version: number,
          state,
          verified,
          causes: causes.map(causeShape),
          createdAt,
          promotedAt: promotedAt ?? null,
          discardReason: discardReason ?? null,
        })),
      );
      return;
    }
    if (versions.length === 0) {
      terminal.note(`${pathText(credential)} has no version yet.`);
      return;
    }
    const rows = versions.map(({ number, state, verified, causes, createdAt, promotedAt, discardReason }) => [
      String(number),
      state === "current" ? terminal.style("green", state) : state,
      verified ? "verified" : "not verified",
      dateText(promotedAt ?? createdAt),
      [causesText(causes), discardReason && printable(discardReason)].filter(Boolean).join("; "),
    ]);
    const head = ["version", "state", "proof", "since", "why"].map((word) => terminal.style("dim", word));
    for (const line of columns([head, ...rows])) terminal.print(line);
  },
};
