import type { CommandDefinition } from "../definition.js";
import { printable } from "../terminal.js";
import { tokenShape, withTokens } from "./token-state.js";

export const tokenRevoke: CommandDefinition = {
  name: "token revoke",
  summary: "refuse a token from now on",
  description: [
    "Revokes a token for ever. A running server refuses it from the next request on. One that is revoked already is no error.",
  ],
  arguments: [{ name: "<id>", description: "`tk_…`, as `coffre token list` shows it" }],
  examples: [{ command: "coffre token revoke tk_4vJm0sTzq8YfB2nKxW1aLd", does: "a runner that is no more" }],
  json: "An object: `id`, `user`, `userId`, `role`, `label`, `createdAt`, `expiresAt`, `revokedAt`.",
  exits: [{ code: 3, when: "there is no such token" }],
  async run(context, { args: [id = ""] }) {
    const { terminal } = context;
    const token = await withTokens(context, (tokens) => tokens.revoke(id));
    if (context.json) terminal.json(tokenShape(token));
    else terminal.print(`The token ${token.id} of ${printable(token.user)} is revoked.`);
  },
};
