import multipart from "@fastify/multipart";
import type { FastifyInstance } from "fastify";
import { LOCKSELF_ROUTES, ROUTE_NAMES } from "../../vault/lockself/routes.js";
import { callerOf, type Front, type ServerContext } from "../app.js";
import type { ServerState } from "../state.js";
import { requireTokens } from "./authenticate.js";
import { takeBodies } from "./bodies.js";
import { EntryNumbers } from "./entry-numbers.js";
import { addDownload } from "./export/export-routes.js";
import { Exports } from "./export/exports.js";
import { type LockselfFront, type LockselfStyle, notThere } from "./front.js";
import { HANDLERS, isServed, type ServedRoute } from "./handlers.js";
import { KeptRows } from "./kept-rows.js";
import { LogIndex } from "./log-index.js";
import { NamedPolicies, PolicyRow } from "./policies/named-policies.js";
import { answerFailures } from "./refusals.js";
import { addTransferLinks } from "./transfers/transfer-links.js";
import { LARGEST_CHUNK, TransferRow } from "./transfers/transfer-row.js";
import { Transfers } from "./transfers/transfers.js";

const SWEEP_MS = 3_600_000;

/**
 * LockSelf's REST API over the server's vault: the documented routes and those that were seen in public clients, and our
 * proposals for what is known to exist, all from one table.
 * @param state where named policies are kept, since the vault has none
 */
export function lockselfFront({ file, keys }: ServerState, style: LockselfStyle = {}): Front {
  return async (app, context) => {
    const front: LockselfFront = {
      clock: context.clock,
      numbers: new EntryNumbers(context.vault, new LogIndex(file, keys.seal)),
      policies: new NamedPolicies(new KeptRows(file, keys.seal, "lockself_policy", PolicyRow)),
      exports: new Exports(context.clock),
      transfers: new Transfers({
        rows: new KeptRows(file, keys.seal, "lockself_transfer", TransferRow),
        folder: `${file.path}.transfers`,
        key: keys.seal,
        clock: context.clock,
        note: context.note,
      }),
      style: { lists: "sample", ...style },
    };
    answerFailures(app);
    takeBodies(app);
    addDownload(app, front);
    addTransferLinks(app, front);
    await app.register(async (scope) => addRoutes(scope, context, front));
    await front.transfers.sweep();
    sweepHourly(app, front.transfers);
  };
}

/** A transfer ends also where nobody asks for one. What fails is tried again: at the next hour, and by each upload, which tells. */
function sweepHourly(app: FastifyInstance, transfers: Transfers): void {
  const timer = setInterval(() => void transfers.sweep().catch(() => undefined), SWEEP_MS).unref();
  app.addHook("onClose", async () => clearInterval(timer));
}

async function addRoutes(app: FastifyInstance, context: ServerContext, front: LockselfFront): Promise<void> {
  requireTokens(app, context);
  const served = ROUTE_NAMES.filter(isServed);
  const isUpload = (name: ServedRoute) => name.startsWith("transfers.");
  addServed(
    app,
    front,
    served.filter((name) => !isUpload(name)),
  );
  await app.register(async (scope) => {
    await scope.register(multipart, {
      limits: { fileSize: LARGEST_CHUNK, files: 1, fields: 20, parts: 21, fieldSize: 10_000, headerPairs: 20 },
    });
    addServed(scope, front, served.filter(isUpload));
  });
  // What isn't served answers in LockSelf's shape too, and only to those who were let in.
  for (const url of ["/api-key/*", "/api/*"]) {
    app.all(url, () => {
      throw notThere("such route of LockSelf's on this server");
    });
  }
}

function addServed(app: FastifyInstance, front: LockselfFront, names: readonly ServedRoute[]): void {
  for (const name of names) {
    const { method, path } = LOCKSELF_ROUTES[name];
    const handle = HANDLERS[name];
    app.route({
      method,
      url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
      handler: async (request, reply) => {
        // The router makes each parameter a text.
        const params = request.params as Record<string, string>;
        const { query, body: sent } = request;
        const { status, body } = await handle({ ...callerOf(request), front, request, params, query, body: sent });
        return reply.status(status).send(body);
      },
    });
  }
}
