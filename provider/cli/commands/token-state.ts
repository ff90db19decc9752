import type { ServerState } from "../../server/state.js";
import type { TokenInfo } from "../../server/identities/tokens.js";
import type { CommandContext } from "../context.js";
import { dateText } from "../describe.js";

/** Works on the tokens of the configured vault's server, whether it runs or not. @throws as `CommandContext.embeddedVault` */
export async function withTokens<T>(
  context: CommandContext,
  work: (tokens: ServerState["tokens"]) => Promise<T>,
): Promise<T> {
  const [vault, { openState, statePath }] = await Promise.all([
    context.embeddedVault(),
    import("../../server/state.js"),
  ]);
  const { tokens, file } = await openState(vault, statePath(vault.path), context.clock);
  try {
    return await work(tokens);
  } finally {
    file.close();
  }
}

/** `in force`, `expired`, `revoked` and since when. */
export function stateText({ revokedAt, expiresAt }: TokenInfo, now: Date): string {
  if (revokedAt !== undefined) return `revoked ${dateText(revokedAt)}`;
  if (expiresAt === undefined) return "in force";
  return `${Date.parse(expiresAt) <= now.getTime() ? "expired" : "until"} ${dateText(expiresAt)}`;
}

/** As `--json` shows it: every key is there. */
export function tokenShape({ userId, expiresAt, revokedAt, ...token }: TokenInfo) {
  return { ...token, userId: userId ?? null, expiresAt: expiresAt ?? null, revokedAt: revokedAt ?? null };
}
