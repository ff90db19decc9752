import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from "fastify";
import { CoffreError } from "../../core/errors.js";
import { systemClock } from "../../core/clock.js";
import { errorShape } from "../../vault/remote/wire-error.js";
import { wireJson } from "../../vault/remote/json.js";
import { type OperationName, OPERATIONS } from "../../vault/remote/operations.js";
import { REQUEST_HEADER, SERVER_HEADER } from "../../vault/remote/wire.js";
import { type Caller, callerOf, type Front, requireCaller } from "../app.js";
import { asCoffreError, HttpFailure } from "../failures.js";
import { COUNTED, handle, parseInput } from "./handlers.js";
import { Replies } from "./replies.js";
import { addValueRoute } from "./value-route.js";

const JSON_TYPE = "application/json; charset=utf-8";
const LINES_TYPE = "application/x-ndjson; charset=utf-8";
/** Of {@link COUNTED}, while which nobody else is answered: so many requests of one token in that time. */
const COMPARISONS = { max: 15, timeWindow: "30 seconds" };

/** `/v1`: the vault port over HTTP, one route an operation, one value by a URL, and the document that describes them. */
export const v1Front: Front = (app, context) => {
  /** Another one after each start: a change that was sent to an earlier one is never repeated blindly. */
  const start = randomUUID();
  const replies = new Replies(systemClock);
  // Made when it is first asked for: on a server that nobody asks it would take megabytes.
  let document: object | undefined;
  app.get("/v1/openapi.json", async () => (document ??= (await import("./openapi.js")).describeApi()));
  void app.register(async (scope) => {
    requireCaller(scope, context);
    scope.addHook("onSend", async (_request, reply) => {
      reply.header(SERVER_HEADER, start);
    });
    addValueRoute(scope);
    const compares = app.createRateLimit(COMPARISONS);
    // A change's id stands for the body as it arrived.
    for (const name of Object.keys(OPERATIONS) as OperationName[]) {
      const limit = name === COUNTED ? { onRequest: limited(compares) } : {};
      addRoute(scope, name, { start, replies, limit });
    }
  });
};

function addRoute(
  app: FastifyInstance,
  name: OperationName,
  { start, replies, limit }: { start: string; replies: Replies; limit: RouteShorthandOptions },
): void {
  const { kind } = OPERATIONS[name];
  app.post(`/v1/${name}`, limit, async (request, reply) => {
    const caller = callerOf(request);
    const input = parseInput(name, request.body);
    if (kind === "list") return sendLines(reply, handle(name, caller, input) as AsyncIterable<unknown>);
    const answer = async () => wireJson({ value: await handle(name, caller, input) });
    const text =
      kind === "ask"
        ? await answer()
        : await replies.once(changeId(request, caller, name, start), JSON.stringify(request.body), answer);
    return reply.type(JSON_TYPE).send(text);
  });
}

/** Refuses, before a body comes, what is asked too often; says for how long. */
function limited(count: ReturnType<FastifyInstance["createRateLimit"]>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    reply.header("retry-after", counted.ttlInSeconds);
    const again = `Try again in ${String(counted.ttlInSeconds)} seconds.`;
    throw new HttpFailure(429, "UNREACHABLE", "The server asks for fewer comparisons", again);
  };
}

/**
 * What this change is remembered by.
 * @throws CoffreError INVALID_INPUT without an id; INTERRUPTED for one that is repeated and was sent to an earlier start
 */
function changeId({ headers }: FastifyRequest, { principal }: Caller, name: string, start: string): string {
  const id = headers[REQUEST_HEADER];
  if (typeof id !== "string" || !/^[\x21-\x7e]{16,100}$/.test(id)) {
    throw new CoffreError("INVALID_INPUT", `A change needs the header ${REQUEST_HEADER}: a random id of its own`, {
      hint: "Draw one for each change (16 to 100 characters), and send it again only with the same change.",
    });
  }
  const first = headers[SERVER_HEADER];
  if (first !== undefined && first !== start) {
    throw new CoffreError("INTERRUPTED", "The server was started anew since this change was sent first", {
      hint: "Look whether it was carried out: run it again.",
    });
  }
  return `${principal.tokenId} ${name} ${id}`;
}

/** One JSON object a line; the last says that all have come, so that a cut is noticed. A failure before the first is an ordinary one. */
async function sendLines(reply: FastifyReply, items: AsyncIterable<unknown>): Promise<FastifyReply> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* lines(): AsyncIterable<string> {
    try {
      for (let next = first; next.done !== true; next = await iterator.next())
        yield `${wireJson({ item: next.value })}\n`;
      yield '{"end":true}\n';
    } catch (error) {
      yield `${JSON.stringify({ error: errorShape(asCoffreError(error)) })}\n`;
    } finally {
      await iterator.return?.();
    }
  }
  return reply.type(LINES_TYPE).send(Readable.from(lines()));
}
