import { Readable } from "node:stream";
import cookie from "@fastify/cookie";
import formbody from "@fastify/formbody";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../../core/clock.js";
import { type CoffreError, isCoffreError } from "../../../core/errors.js";
import { Secret } from "../../../core/secret.js";
import type { Transfer, TransferLinks } from "../../../vault/port.js";
import type { Front } from "../../app.js";
import { asCoffreError, statusOf } from "../../failures.js";
import type { Locale } from "../../html/locale.js";
import type { ServerState } from "../../state.js";
import { preferredLanguage } from "../language.js";
import { attachmentHeaders, sendOn, sendPage } from "../reply.js";
import type { PageStyle } from "../style.js";
import { Visits } from "../visits.js";
import { endedPage, filesPage, passwordPage, type TransferView } from "./transfer-page.js";
import { transferWords } from "./words.js";

export interface TransferPagesOptions {
  links: TransferLinks;
  state: ServerState;
  clock: Clock;
  style: PageStyle;
  complain?: (error: unknown) => void;
}

const PLACE = "/transfers/:link";
const LARGEST_FORM = 16 * 1024;

/**
 * The pages of transfers: for whoever has a link. With a password nothing is shown before it was given; that it was is kept in a
 * cookie of this page alone, sealed, for 15 minutes without use.
 */
export function transferPages({ links, state, clock, style, complain }: TransferPagesOptions): Front {
  const visits = new Visits({ keys: state.keys, clock, secure: style.secure });
  return async (app) => {
    await app.register(cookie);
    await app.register(formbody, { bodyLimit: LARGEST_FORM });
    answerFailures(app, style, complain);
    // Without their twins for HEAD: nothing is told of a page that isn't asked for.
    app.get(PLACE, { exposeHeadRoute: false }, async (request, reply) => {
      const { view } = await viewOf(request);
      return showFiles(view, isUnlocked(request, reply, view), reply);
    });
    app.post(`${PLACE}/password`, async (request, reply) => {
      const { view, link } = await viewOf(request);
      const wrong = await unlock(link, request);
      if (wrong) return sendPage(reply, statusOf(wrong), wrongPage(view, wrong));
      visits.keep(reply, view.place, visits.begin({ who: unlockedFor(view.transfer) }));
      return sendOn(reply, view.place);
    });
    app.post(`${PLACE}/files/:fileId`, async (request, reply) => {
      const { view, link } = await viewOf(request);
      if (!isUnlocked(request, reply, view)) return sendPage(reply, 401, passwordPage(view));
      const { fileId = "" } = request.params as { fileId?: string };
      const { file, content } = await links.download(link, fileId, request.ip);
      return reply.headers(attachmentHeaders(file.name, file.size ?? 0)).send(Readable.from(content));
    });
  };

  async function viewOf(request: FastifyRequest): Promise<{ view: TransferView; link: Secret }> {
    const { link: text = "" } = request.params as { link?: string };
    const link = new Secret(text);
    const transfer = await links.open(link);
    return { link, view: { transfer, place: `/transfers/${text}`, locale: localeOf(request, style), style } };
  }

  function isUnlocked(request: FastifyRequest, reply: FastifyReply, { transfer, place }: TransferView): boolean {
    if (!transfer.hasPassword) return true;
    const { visit } = visits.of(request, place);
    if (visit?.who !== unlockedFor(transfer)) return false;
    const renewal = visits.renewal(place, visit);
    if (renewal !== undefined) void reply.header("set-cookie", renewal);
    return true;
  }

  /** @returns why not */
  async function unlock(link: Secret, { body }: FastifyRequest): Promise<CoffreError | undefined> {
    const { password } = (body ?? {}) as { password?: unknown };
    try {
      await links.unlock(link, new Secret(typeof password === "string" ? password : ""));
      return undefined;
    } catch (error) {
      if (isCoffreError(error, "FORBIDDEN") || isCoffreError(error, "LOCKED")) return error;
      throw error;
    }
  }
}

function showFiles(view: TransferView, isUnlocked: boolean, reply: FastifyReply): FastifyReply {
  const { transfer, locale, style } = view;
  if (transfer.status !== "open") return sendPage(reply, 410, endedPage(transfer.status, locale, style));
  return sendPage(reply, 200, isUnlocked ? filesPage(view) : passwordPage(view));
}

function wrongPage(view: TransferView, { code, details }: CoffreError) {
  const left = Number(details["left"] ?? 0);
  if (code === "LOCKED" || left <= 0) return endedPage("locked", view.locale, view.style);
  return passwordPage(view, transferWords(view.locale.language).wrongPassword(left));
}

/** For whom a cookie is good: another password makes it worthless. */
function unlockedFor({ id, passwordSetAt }: Transfer): string {
  return `${id} ${passwordSetAt ?? ""}`;
}

function localeOf({ headers }: FastifyRequest, { language, timeZone }: PageStyle): Locale {
  return { language: preferredLanguage(headers["accept-language"], language), timeZone };
}

/** Answers failures as pages, in the browser's language; nothing of what was sent is repeated. */
function answerFailures(
  app: FastifyInstance,
  style: PageStyle,
  complain: ((error: unknown) => void) | undefined,
): void {
  app.setErrorHandler((error, request, reply) => {
    const failure = asCoffreError(error);
    const status = statusOf(failure);
    if (status >= 500) complain?.(error);
    request.failureCode = failure.code;
    return sendPage(reply, status, endedPage(reasonOf(failure), localeOf(request, style), style));
  });
}

function reasonOf({ code, details }: CoffreError): Parameters<typeof endedPage>[0] {
  if (code === "NOT_FOUND") return "not found";
  if (code === "LOCKED") return "locked";
  const status = details["status"];
  return status === "expired" || status === "used" || status === "archived" ? status : "failed";
}
