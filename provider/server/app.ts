import rateLimit from "@fastify/rate-limit";
import { fastify, type FastifyInstance, type FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { newId } from "../core/id.js";
import { isLoopback } from "../core/loopback.js";
import { errorShape } from "../vault/remote/wire-error.js";
import type { SharedVault } from "../vault/records/record-vault.js";
import type { Vault } from "../vault/port.js";
import { answerClientError, answerFrameworkError } from "./client-errors.js";
import { asCoffreError, HttpFailure, statusOf } from "./failures.js";
import { Authenticator, bearerToken } from "./identities/authenticate.js";
import type { Principal, Rights } from "./principal.js";
import { RightsBook } from "./rights.js";
import type { ServerState } from "./state.js";
import { parseStrictJson } from "./strict-json.js";

/** What the server bears. */
export interface Limits {
  /** Bytes of a request's body. */
  largestRequest: number;
  /** Requests of one token in a minute; of one address, for those that have no good token. Infinity: they aren't counted. */
  requestsPerMinute: number;
}

export const DEFAULT_LIMITS: Limits = { largestRequest: 16 * 1024 * 1024, requestsPerMinute: 60_000 };

/** How long a request may take to arrive. */
const ARRIVAL_MS = 60_000;
/** The same for one that brings files, on routes that are `slow`: those look themselves whether anything still comes. */
const SLOW_ARRIVAL_MS = 60 * 60_000;
/** How long what is under way may take once the server is to stop. */
const LONGEST_STOP_MS = 20_000;

/** One line of the access log: no name, no value, no token. */
export interface AccessLine {
  at: string;
  method: string;
  /** The route, not the URL: what stands in a URL may be anything. */
  route: string;
  status: number;
  ms: number;
  /** The identity's name. */
  identity?: string;
  tokenId?: string;
  address: string;
  requestId: string;
  code?: string;
}

/** What every server is made of, whoever may ask it. */
export interface AppOptions {
  context: ServerContext;
  /** The languages that it speaks: each has its routes, its hooks and its parsers for itself. */
  fronts: readonly Front[];
  limits?: Partial<Limits>;
  /** PEM texts. */
  tls?: { cert: string; key: string };
  /** Told of each request that was answered. */
  log?: (line: AccessLine) => void;
  /** Told of what went wrong in the server itself. */
  complain?: (error: unknown) => void;
}

/** A server that knows who asks by tokens. */
export interface ServerOptions extends Omit<AppOptions, "context"> {
  vault: SharedVault;
  state: ServerState;
  clock: Clock;
}

/** Who asks, and what for this request follows from it. */
export interface Caller {
  principal: Principal;
  rights: Rights;
  /** The vault in the caller's name: events carry it, and reads are refused where the rights end. */
  vault: Vault;
}

/** What the routes of every language stand on. */
export interface ServerContext {
  vault: Vault;
  clock: Clock;
  /** Writes an event of a front's own into the vault's log. */
  note: SharedVault["note"];
  /** @throws CoffreError as `Authenticator.authenticate`. @param source the caller's machine, if it named one */
  call(tokenText: string | undefined, source: string): Promise<Caller>;
  /** By what the requests of whoever has this token are counted; `undefined` for one that isn't good. */
  tokenId(tokenText: string): string | undefined;
}

/** Adds the routes of one language. */
export type Front = (app: FastifyInstance, context: ServerContext) => void | Promise<void>;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whoever calls the route was let in before its body comes, and may take long to send it. */
    slow?: boolean;
  }
  interface FastifyRequest {
    /** Set by {@link requireCaller}. */
    caller: Caller | null;
    failureCode: string | null;
  }
}

export interface CoffreServer {
  app: FastifyInstance;
  context: ServerContext;
  /**
   * @returns where it listens, `http://127.0.0.1:8730`. @throws CoffreError CONFIGURATION for plain HTTP beyond loopback, or an
   * address that is taken, also by the file of a unix socket
   */
  listen(place: { host: string; port: number } | { path: string }): Promise<string>;
  /** Lets what is under way end, and refuses what comes. The vault stays open. */
  stop(): Promise<void>;
}

/** Makes a server that knows who asks by their tokens; nothing listens yet. */
export async function createServer({ vault, state, clock, ...options }: ServerOptions): Promise<CoffreServer> {
  const authenticator = new Authenticator(state.tokens, new RightsBook(vault, state.tokens, clock), clock);
  const context: ServerContext = {
    vault,
    clock,
    note: (...event) => vault.note(...event),
    async call(tokenText, source) {
      const { principal, rights } = await authenticator.authenticate(tokenText);
      const mayRead = (categoryId: string | null) => rights.mayRead(categoryId);
      return { principal, rights, vault: vault.actingAs(principal.name, source, mayRead) };
    },
    tokenId: (tokenText) => authenticator.tokenId(tokenText),
  };
  return createApp({ ...options, context });
}

/** Makes a server whose context says who asks; nothing listens yet. */
export async function createApp(options: AppOptions): Promise<CoffreServer> {
  const { context, tls } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const app = fastify({
    logger: false,
    bodyLimit: limits.largestRequest,
    requestTimeout: SLOW_ARRIVAL_MS,
    forceCloseConnections: "idle",
    genReqId: () => newId("msg_"),
    requestIdHeader: false,
    routerOptions: { ignoreTrailingSlash: false },
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    ...(tls ? { https: { ...tls, minVersion: "TLSv1.2" } } : {}),
  }) as unknown as FastifyInstance; // https and http differ in the type of their raw server only
  app.decorateRequest("caller", null);
  app.decorateRequest("failureCode", null);
  await app.register(rateLimit, {
    global: false,
    allowList: ({ routeOptions }) => routeOptions.config.rateLimit === false,
    max: limits.requestsPerMinute,
    timeWindow: "1 minute",
    keyGenerator: ({ headers, ip }) => {
      // LockSelf's clients have a header of their own.
      const text = bearerToken(headers.authorization) ?? headers["x-auth-token"];
      return (typeof text === "string" ? context.tokenId(text) : undefined) ?? ip;
    },
    errorResponseBuilder: (_request, { after }) =>
      new HttpFailure(429, "UNREACHABLE", "The server asks for fewer requests", `Try again in ${after}.`),
  });
  limitArrival(app);
  // Before a route's own hooks: who is refused for a token is counted, too.
  if (Number.isFinite(limits.requestsPerMinute)) app.addHook("onRequest", app.rateLimit());
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    try {
      done(null, parseStrictJson(body as string)); // as it was asked for
    } catch (error) {
      done(error as Error);
    }
  });
  app.setErrorHandler((error, request, reply) => {
    const failure = asCoffreError(error);
    if (statusOf(failure) >= 500) options.complain?.(error);
    request.failureCode = failure.code;
    return reply.status(statusOf(failure)).send({ error: errorShape(failure) });
  });
  app.setNotFoundHandler((request, reply) => {
    const failure = new HttpFailure(404, "NOT_SUPPORTED", "There is no such route", "`/v1/openapi.json` lists them.");
    request.failureCode = failure.code;
    return reply.status(failure.status).send({ error: errorShape(failure) });
  });
  if (options.log) logAccess(app, context.clock, options.log);
  let stopping = false;
  app.addHook("onSend", async (_request, reply) => {
    reply.header("cache-control", "no-store");
    // A connection that is kept for more would keep the server.
    if (stopping) reply.header("connection", "close");
  });
  addHealth(app, context.vault);
  for (const front of options.fronts) await app.register(async (scope) => front(scope, context));
  return {
    app,
    context,
    async listen(place) {
      const where = "path" in place ? place.path : `${place.host}:${place.port}`;
      if ("host" in place && !tls && !isLoopback(place.host)) {
        throw new CoffreError(
          "CONFIGURATION",
          `Without TLS the server listens on loopback only, not on ${place.host}`,
          {
            hint: "Give --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that ends TLS on this machine.",
          },
        );
      }
      return app.listen(place).catch((cause: unknown) => {
        throw new CoffreError("CONFIGURATION", `Nothing can listen on ${where}`, {
          hint: `Is another process there already? Choose another ${"path" in place ? "--socket" : "--listen"}.`,
          cause,
        });
      });
    },
    async stop() {
      stopping = true;
      const timer = setTimeout(() => app.server.closeAllConnections(), LONGEST_STOP_MS);
      await app.close().finally(() => clearTimeout(timer));
    },
  };
}

/** Ends what takes too long to arrive, unless its route is `slow`. Node's own limit is one for all routes. */
function limitArrival(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ raw, routeOptions }) => {
    if (routeOptions.config.slow === true || raw.complete) return;
    const timer = setTimeout(() => {
      if (raw.complete) return;
      answerClientError(Object.assign(new Error("late"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), raw.socket);
    }, ARRIVAL_MS).unref();
    raw.once("close", () => clearTimeout(timer));
  });
}

/** For a group of routes: nobody without a good token comes further, not even with a body. */
export function requireCaller(app: FastifyInstance, context: ServerContext): void {
  app.addHook("onRequest", async (request) => {
    const source = request.headers["x-coffre-source"];
    const machine = typeof source === "string" && /^[\x21-\x7e]{1,255}$/.test(source) ? source : request.ip;
    request.caller = await context.call(bearerToken(request.headers.authorization), machine);
  });
}

/** The caller of a route behind {@link requireCaller}. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (!caller) throw new Error("this route asks for no token");
  return caller;
}

function logAccess(app: FastifyInstance, clock: Clock, log: (line: AccessLine) => void): void {
  app.addHook("onResponse", async (request, reply) => {
    const { caller, failureCode } = request;
    log({
      at: clock.now().toISOString(),
      method: request.method,
      route: request.routeOptions.url ?? "none",
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...(caller ? { identity: caller.principal.name, tokenId: caller.principal.tokenId } : {}),
      address: request.ip,
      requestId: request.id,
      ...(failureCode === null ? {} : { code: failureCode }),
    });
  });
}

/** `/healthz`: the process answers. `/readyz`: the vault does. Neither needs a token, and neither tells anything else. */
function addHealth(app: FastifyInstance, vault: Vault): void {
  const config = { rateLimit: false as const };
  app.get("/healthz", { config }, async () => ({ status: "ok" }));
  app.get("/readyz", { config }, async (_request, reply) => {
    const ready = await vault.identity().then(
      () => true,
      () => false,
    );
    return reply.status(ready ? 200 : 503).send({ status: ready ? "ok" : "not ready" });
  });
}
