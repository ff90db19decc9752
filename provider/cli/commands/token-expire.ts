import { parseInstant } from "../../core/instant.js";
import type { CommandDefinition } from "../definition.js";
import { dateText } from "../describe.js";
import { printable } from "../terminal.js";
import { tokenShape, withTokens } from "./token-state.js";

export const tokenExpire: CommandDefinition = {
  name: "token expire",
  summary: "say from when a token is refused",
  description: [
    "Gives a token another expiry, later or earlier than the one that it has. A time that has passed refuses it at once; a later one brings it back, unless it was revoked.",
  ],
  arguments: [
    { name: "<id>", description: "`tk_…`, as `coffre token list` shows it" },
    { name: "<time>", description: "with its zone: 2026-12-31T18:00:00Z" },
  ],
  examples: [
    { command: "coffre token expire tk_4vJm0sTzq8YfB2nKxW1aLd 2026-12-31T18:00:00Z", does: "until the year's end" },
  ],
  json: "An object: `id`, `user`, `userId`, `role`, `label`, `createdAt`, `expiresAt`, `revokedAt`.",
  exits: [
    { code: 3, when: "there is no such token" },
    { code: 5, when: "it was revoked" },
  ],
  async run(context, { args: [id = "", time = ""] }) {
    const { terminal } = context;
    const expiresAt = parseInstant("The time", time);
    const token = await withTokens(context, (tokens) => tokens.expire(id, expiresAt));
    if (context.json) terminal.json(tokenShape(token));
    else terminal.print(`The token ${token.id} of ${printable(token.user)} is refused from ${dateText(expiresAt)} on.`);
  },
};
