import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Caller, ServerContext } from "../app.js";
import { isCoffreError } from "../../core/errors.js";
import { HttpFailure, notAuthenticated } from "../failures.js";
import { bearerToken } from "../identities/authenticate.js";

/**
 * Lets in who has good tokens, before a body is read. `/api-key` asks for two headers, as LockSelf does: `X-Auth-Token`
 * (or, the older form, `Authorization: Bearer`) and `X-Ls-Token`. Both hold tokens of one identity of this server; they
 * may be the same. `/api`, which people's clients use, asks for the bearer's alone.
 */
export function requireTokens(app: FastifyInstance, context: ServerContext): void {
  app.addHook("onRequest", async (request) => {
    request.caller = await callerOf(context, request).catch((error: unknown) => {
      // LockSelf's clients know no 423, and a conflict is something else.
      if (isCoffreError(error, "LOCKED")) throw new HttpFailure(401, "LOCKED", error.problem, error.hint ?? "");
      throw error;
    });
  });
}

async function callerOf(context: ServerContext, { headers, ip, routeOptions }: FastifyRequest): Promise<Caller> {
  const caller = await context.call(authTokenOf(headers), ip);
  // By the route: a URL may be written in several ways.
  if (routeOptions.url?.startsWith("/api-key/") !== true) return caller;
  const second = await context.call(single(headers["x-ls-token"]), ip);
  const same = second.principal.name === caller.principal.name && second.principal.role === caller.principal.role;
  if (!same) throw notAuthenticated();
  return caller;
}

/** Where both forms are sent, `X-Auth-Token` counts: it is the newer one. */
function authTokenOf(headers: IncomingHttpHeaders): string | undefined {
  return single(headers["x-auth-token"]) ?? bearerToken(headers.authorization);
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && header !== "" ? header : undefined;
}
