import type { FastifyInstance, FastifyRequest } from "fastify";
import { asCoffreError, HttpFailure, statusOf } from "../failures.js";
import { html } from "../html/html.js";
import { wordsIn } from "./boxes/words.js";
import { preferredLanguage } from "./language.js";
import { renderPage } from "./layout.js";
import { sendPage } from "./reply.js";
import type { PageStyle } from "./style.js";

/** A failure that says in the visitor's own language what it is. */
export class PageFailure extends HttpFailure {
  readonly title: string;
  /** Whole sentences. */
  readonly text: string;

  constructor(status: 401 | 403, { title, text }: { title: string; text: string }) {
    super(status, "FORBIDDEN", title, text);
    this.title = title;
    this.text = text;
  }
}

/** Answers failures as pages, in the browser's language; nothing of what was sent is repeated. */
export function answerFailures(app: FastifyInstance, style: PageStyle, complain: (error: unknown) => void): void {
  app.setErrorHandler((error, request, reply) => {
    const failure = asCoffreError(error);
    const status = statusOf(failure);
    if (status >= 500) complain(error);
    request.failureCode = failure.code;
    const language = preferredLanguage(request.headers["accept-language"], style.language);
    const [title, text] =
      failure instanceof PageFailure ? [failure.title, failure.text] : textsOf(status, wordsIn(language));
    const content = html`<h1>${title}</h1>
      <p>${text}</p>
      ${back(request, status) && html`<p><a href="${back(request, status)}">${wordsIn(language).continue}</a></p>`}`;
    return sendPage(reply, status, renderPage({ title, language, content }, style));
  });
}

function textsOf(status: number, words: ReturnType<typeof wordsIn>): [string, string] {
  if (status === 404) return [words.notFound, words.notFoundText];
  if (status === 403) return [words.notAllowed, words.refusedForm];
  if (status === 507) return [words.failed, words.diskFull];
  if (status === 429) return [words.tooMany, words.tooManyText];
  return [words.failed, words.failedText];
}

/** The page that a form was on, unless that is what isn't there. */
function back({ params }: FastifyRequest, status: number): string | undefined {
  const { boxId } = params as { boxId?: string };
  return boxId !== undefined && status !== 404 && /^bx_\w+$/.test(boxId) ? `/boxes/${boxId}` : undefined;
}
