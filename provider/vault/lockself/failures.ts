import { CoffreError, type ErrorCode } from "../../core/errors.js";
import type { RouteName } from "./routes.js";

/** A request in words, for messages: nothing in it is a value. */
export interface Asked {
  /** For example `https://api.lockself.com`. */
  origin: string;
  route: RouteName;
  method: string;
  /** As the table has it, without parameters. */
  path: string;
}

/** A create got no answer that says whether it was done: it has to be looked for. Never leaves this folder. */
export class Unanswered extends Error {
  override readonly name = "Unanswered";
}

/** Statuses that come and go. */
export const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What an answer that is no success means: the one place that knows. Its body is shown to nobody: it may quote what was sent. */
export function refusal(asked: Asked, status: number): CoffreError {
  const call = callOf(asked);
  switch (status) {
    case 401:
      return failed("FORBIDDEN", asked, `takes neither of the two tokens, or not both together (401, ${call})`, TOKENS);
    case 403:
      return failed("FORBIDDEN", asked, `doesn't allow ${call} (403)`, RIGHTS);
    case 404:
      return failed("NOT_FOUND", asked, `has nothing there for ${call} (404)`, ROUTES);
    case 409:
      return failed("CONFLICT", asked, `refuses ${call}: it would contradict what is there (409)`, "Look at it there.");
    case 413:
      return failed("INVALID_INPUT", asked, `takes nothing of this size (413, ${call})`, "Keep less in it.");
    case 422:
      return failed(
        "POLICY",
        asked,
        `refuses what ${call} sends (422)`,
        "The password policy of the category there forbids it, most likely: compare it with the policy in Coffre.",
      );
    case 507:
      return failed("DISK_FULL", asked, "has no space left (507)", "Give it more.");
  }
  if (status === 429)
    return failed("UNREACHABLE", asked, `asks for fewer requests (429, ${call})`, "Run it again later.");
  if (status >= 500) return failed("UNREACHABLE", asked, `failed at ${call} (${status})`, "Its own log says why.");
  if (status >= 300 && status < 400) return badResponse(asked, `a redirect (${status})`);
  return badResponse(asked, `a refusal of what was sent (${status})`);
}

const TOKENS =
  "Give the tokens of the API user: COFFRE_LOCKSELF_AUTH_TOKEN_FILE and COFFRE_LOCKSELF_LS_TOKEN_FILE. An older instance wants ?auth=bearer in coffre:url.";
const RIGHTS =
  "Give the API user rights in the category, as its manager; for a space of its own it needs to be a moderator. Check organization= in coffre:url.";
const ROUTES = "If this instance has the operation at another path, correct it by the setting lockselfRoutes.";

/** What can't be understood; HTML from a proxy, for example. */
export function badResponse(asked: Asked, what: string): CoffreError {
  return failed("BAD_RESPONSE", asked, `answered ${what} to ${callOf(asked)}`, `Is it LockSelf's API? ${ROUTES}`);
}

/** The server asks for a longer pause than anybody wants to wait here. */
export function asksToWait(asked: Asked, seconds: number): CoffreError {
  return failed(
    "UNREACHABLE",
    asked,
    `asks to wait ${Math.ceil(seconds)} seconds before ${callOf(asked)} is tried again`,
    "Run it again then.",
  );
}

function callOf({ route, method, path }: Asked): string {
  return `${route} (${method} ${path})`;
}

function failed(code: ErrorCode, { origin, route }: Asked, problem: string, hint: string): CoffreError {
  return new CoffreError(code, `${origin} ${problem}`, { hint, details: { call: route } });
}
