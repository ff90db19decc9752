import { Readable } from "node:stream";
import cookie from "@fastify/cookie";
import formbody from "@fastify/formbody";
import multipart from "@fastify/multipart";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../../core/clock.js";
import type { SharedVault } from "../../../vault/records/record-vault.js";
import type { Front } from "../../app.js";
import { SealedRows } from "../../sealed-rows.js";
import type { ServerState } from "../../state.js";
import { addAssets } from "../assets.js";
import { OneTimeCodes, PAGE_PERSON_TABLE, PersonRow } from "../codes.js";
import { answerFailures, PageFailure } from "../failures.js";
import { attachmentHeaders, PAGE_HEADERS, sendPage } from "../reply.js";
import { Visits } from "../visits.js";
import { boxPage } from "./box-page.js";
import { visibleDeposit, visibleFile } from "./deposits.js";
import { changeState } from "./manager.js";
import { minutesPage } from "./minutes.js";
import { receiptPage } from "./receipt.js";
import { askAgain, askForCode, showSignIn, signOut, useCode } from "./sign-in.js";
import { handIn, MOST_FILES, removeFile, takeFiles } from "./upload-form.js";
import { speakTus } from "./uploads.js";
import {
  type BoxPages,
  boxRequest,
  type BoxRequest,
  type Guest,
  guestOf,
  requireGuest,
  requireOwnForm,
} from "./visitor.js";

export interface BoxPagesOptions extends Pick<BoxPages, "style" | "sendsMail"> {
  vault: SharedVault;
  state: ServerState;
  clock: Clock;
  /** Mail was booked: see `Delivery.wake`. Default: nobody is told. */
  wake?: () => void;
  complain?: (error: unknown) => void;
}

const PLACE = "/boxes/:boxId";
/** Files take long to come. */
const SLOW = { config: { slow: true } };

/** The pages of drop-boxes: for recipients and managers, who show by a code from their mail who they are. */
export function boxPages({ vault, state, clock, wake, complain, ...options }: BoxPagesOptions): Front {
  const { keys, file } = state;
  const pages: BoxPages = {
    ...options,
    vault,
    clock,
    visits: new Visits({ keys, clock, secure: options.style.secure }),
    codes: new OneTimeCodes(new SealedRows(file, keys.seal, PAGE_PERSON_TABLE, PersonRow), keys.page, clock),
    wake: wake ?? (() => undefined),
    complain: complain ?? (() => undefined),
  };
  return async (app) => {
    await app.register(async (scope) => addAssets(scope, pages.style));
    await app.register(cookie);
    answerFailures(app, pages.style, pages.complain);
    await app.register(async (scope) => addPages(scope, pages));
  };
}

async function addPages(app: FastifyInstance, pages: BoxPages): Promise<void> {
  const place = PLACE;
  await app.register(formbody, { bodyLimit: 64 * 1024 });
  const asking = async (request: FastifyRequest) => boxRequest(pages, request);
  const guest = async (request: FastifyRequest, reply: FastifyReply): Promise<Guest> => {
    const known = requireGuest(await asking(request), request.ip);
    const renewal = pages.visits.renewal(known.place, known.visit);
    if (renewal !== undefined) void reply.header("set-cookie", renewal);
    return known;
  };

  app.get(place, async (request, reply) => {
    const asked = await asking(request);
    const known = guestOf(asked, request.ip);
    if (!known) return showSignIn(withoutGuest(asked), reply);
    return sendPage(reply, 200, await boxPage(await guest(request, reply)));
  });
  app.post(`${place}/code`, async (request, reply) => askForCode(await asking(request), request, reply));
  app.post(`${place}/sign-in`, async (request, reply) => useCode(await asking(request), request, reply));
  app.post(`${place}/again`, async (request, reply) => askAgain(await asking(request), request, reply));
  app.post(`${place}/sign-out`, async (request, reply) => {
    const known = await guest(request, reply);
    requireOwnForm(known, request, tokenIn(request.body));
    return signOut(known, reply);
  });
  app.post(`${place}/submit`, async (request, reply) => handIn(await guest(request, reply), request, reply));
  app.post(`${place}/files/:fileId/remove`, async (request, reply) =>
    removeFile(await guest(request, reply), request, reply),
  );
  app.post(`${place}/state`, async (request, reply) => changeState(await guest(request, reply), request, reply));
  app.get(`${place}/minutes`, async (request, reply) =>
    sendPage(reply, 200, await minutesPage(await guest(request, reply))),
  );
  app.get(`${place}/deposits/:depositId`, async (request, reply) => {
    const asked = await asking(request);
    // The link of a receipt by mail, which may be old.
    if (!guestOf(asked, request.ip)) return showSignIn(withoutGuest(asked), reply, { status: 401 });
    const known = await guest(request, reply);
    return sendPage(reply, 200, receiptPage(known, await visibleDeposit(known, paramOf(request, "depositId"))));
  });
  // Without its twin for HEAD, which would be booked as a download.
  app.get(`${place}/files/:fileId`, { exposeHeadRoute: false }, async (request, reply) => {
    const known = await guest(request, reply);
    const { id, name, size = 0 } = await visibleFile(known, paramOf(request, "fileId"));
    const { content } = await known.vault.boxes.files.read(id, { by: known.address });
    pages.wake();
    return reply.headers(attachmentHeaders(name, size)).send(Readable.from(content));
  });
  await app.register(async (scope) => {
    await scope.register(multipart, {
      limits: { fileSize: Infinity, files: MOST_FILES, fields: 5, parts: MOST_FILES + 5, headerPairs: 20 },
    });
    scope.post(`${place}/files`, SLOW, async (request, reply) =>
      takeFiles(await guest(request, reply), request, reply),
    );
  });
  await app.register(async (scope) => addUploads(scope, guest));
}

/** The same box as nobody in particular: one who was signed in once, and isn't let in any more. */
function withoutGuest({ visit, ...request }: BoxRequest): BoxRequest {
  return { ...request, visit: visit?.who === undefined ? visit : undefined };
}

function addUploads(
  app: FastifyInstance,
  guest: (request: FastifyRequest, reply: FastifyReply) => Promise<Guest>,
): void {
  const url = `${PLACE}/uploads`;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null)); // read by tus, as it comes
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof PageFailure)) throw error;
    request.failureCode = error.code;
    // The page's script shows it beside the file.
    return reply
      .status(error.status)
      .headers(PAGE_HEADERS)
      .type("text/plain; charset=utf-8")
      .send(`${error.title}. ${error.text}`);
  });
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const known = await guest(request, reply);
    if (request.method !== "HEAD") requireOwnForm(known, request, request.headers["x-form-token"]);
    return speakTus(known, request, reply);
  };
  app.route({ method: "POST", url, ...SLOW, handler });
  app.route({ method: ["HEAD", "PATCH", "DELETE"], url: `${url}/:fileId`, ...SLOW, handler });
}

function paramOf(request: FastifyRequest, name: string): string {
  return (request.params as Record<string, string | undefined>)[name] ?? "";
}

function tokenIn(body: unknown): unknown {
  return (body as { token?: unknown } | undefined)?.token;
}
