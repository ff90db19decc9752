import type { CommandDefinition } from "../definition.js";
import { dateText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";
import { stateText, tokenShape, withTokens } from "./token-state.js";

export const tokenList: CommandDefinition = {
  name: "token list",
  summary: "list the tokens by which `coffre serve` knows who asks",
  description: [
    "Lists the tokens, oldest first, revoked and expired ones too. None is shown itself: only a digest is kept.",
  ],
  examples: [{ command: "coffre token list", does: "who can ask the server?" }],
  json: "An array of `id`, `user`, `userId`, `role`, `label`, `createdAt`, `expiresAt`, `revokedAt`.",
  async run(context) {
    const { terminal, clock } = context;
    const tokens = await withTokens(context, async (all) => all.list());
    if (context.json) {
      terminal.json(tokens.map(tokenShape));
      return;
    }
    if (tokens.length === 0) terminal.note("There is no token: `coffre token create` makes one.");
    const rows = tokens.map((token) => [
      token.id,
      terminal.style("bold", printable(token.user)),
      token.role,
      stateText(token, clock.now()),
      `since ${dateText(token.createdAt)}`,
      printable(token.label),
    ]);
    for (const line of columns(rows)) terminal.print(line);
  },
};
