import type { FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import { isEmailAddress } from "../../../core/email.js";
import { mailInput } from "../../mail/mails.js";
import { html, type Html } from "../../html/html.js";
import { oneLine } from "../../html/locale.js";
import { CODE_MINUTES, type CodeTry, MOST_TRIES } from "../codes.js";
import { notice, renderPage } from "../layout.js";
import { sendOn, sendPage } from "../reply.js";
import { form } from "./frame.js";
import { blockedText } from "./states.js";
import type { Visit } from "../visits.js";
import { type BoxRequest, entryOf, type Guest, personOf, requireOwnForm } from "./visitor.js";

/** So long an answer takes at least that could tell, by its time, whether somebody was invited. */
const LEAST_MS = 250;

/** Who acts where nobody has shown who they are. */
const LINK_HOLDER = "whoever has the link";

const AskForm = z.object({ token: z.string(), email: z.string().max(1_000) });
const CodeForm = z.object({ token: z.string(), code: z.string().max(100) });

/** The page for whoever isn't signed in: asks for the address, then for the code. */
export async function showSignIn(
  given: BoxRequest,
  reply: FastifyReply,
  { status = 200, problem }: { status?: number; problem?: string } = {},
): Promise<FastifyReply> {
  const { pages, place, words } = given;
  const visit = given.visit ?? pages.visits.begin();
  const request = { ...given, visit };
  if (given.visit !== visit) pages.visits.keep(reply, place, visit);
  const content = pages.sendsMail
    ? visit.asked === undefined
      ? askContent(request, problem)
      : codeContent(request, { asked: visit.asked, isDead: isDead(visit) }, problem)
    : html`<h1>${words.signIn}</h1>
        ${notice("plain", words.noMail)}`;
  const title = visit.asked === undefined ? words.signIn : words.codeTitle;
  const shown = pages.sendsMail ? status : 503;
  return sendPage(reply, shown, renderPage({ title, language: request.language, content }, pages.style));
}

function askContent(request: BoxRequest, problem: string | undefined): Html {
  const { words, place, wasIdle, box } = request;
  const blocked = blockedText(request);
  const state = box.status === "open" ? undefined : blocked;
  return html`<h1>${words.signIn}</h1>
    ${problem !== undefined && notice("bad", problem)} ${wasIdle && notice("plain", words.wasIdle)}
    ${
      state &&
      notice(
        "plain",
        html`<strong>${state.title}.</strong> ${state.text} ${box.status !== "expired" && words.managersOnly}`,
      )
    }
    <p>${words.signInLead}</p>
    ${form(
      request,
      `${place}/code`,
      html`<label for="email">${words.email}</label>
        <input
          id="email"
          name="email"
          type="email"
          autocomplete="email"
          maxlength="254"
          required
          ${problem === undefined ? undefined : html`aria-invalid="true"`}
        />
        <button>${words.sendCode}</button>`,
    )}`;
}

/** Whether a code that is out for this browser has had its wrong ones; what a stranger sees, for whom there is none, is the same. */
function isDead({ tries = 0 }: Visit): boolean {
  return tries >= MOST_TRIES;
}

function codeContent(
  request: BoxRequest,
  { asked, isDead }: { asked: string; isDead: boolean },
  problem: string | undefined,
): Html {
  const { words, place } = request;
  const again = form(request, `${place}/again`, html`<button class="quiet">${words.otherAddress}</button>`);
  if (isDead)
    return html`<h1>${words.codeTitle}</h1>
      ${notice("bad", words.deadCode(MOST_TRIES))} ${again}`;
  return html`<h1>${words.codeTitle}</h1>
    ${problem !== undefined && notice("bad", problem)}
    <p>${words.codeLead(oneLine(asked), CODE_MINUTES)}</p>
    ${form(
      request,
      `${place}/sign-in`,
      html`<label for="code">${words.code}</label>
        <input
          id="code"
          name="code"
          class="code"
          inputmode="numeric"
          autocomplete="one-time-code"
          maxlength="20"
          required
          aria-describedby="code-help"
          ${problem === undefined ? undefined : html`aria-invalid="true"`}
        />
        <p class="help" id="code-help">${words.codeHelp}</p>
        <button>${words.open}</button>`,
    )}
    ${again}`;
}

/** Books a code for an address that was invited; what is answered is the same for all others. */
export async function askForCode(
  request: BoxRequest,
  sent: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { pages, box, place, words, language } = request;
  const { data } = AskForm.safeParse(sent.body);
  const visit = requireOwnForm(request, sent, data?.token);
  const typed = data?.email.trim() ?? "";
  if (!isEmailAddress(typed)) return showSignIn(request, reply, { status: 400, problem: words.badAddress });
  await atLeast(pages.clock.sleep(LEAST_MS), async () => {
    const entry = pages.sendsMail ? entryOf(box, typed) : undefined;
    const code = entry && (await pages.codes.draw({ place, address: entry.address }, visit.id));
    if (!entry || code === undefined) return;
    const notAfter = new Date(pages.clock.now().getTime() + CODE_MINUTES * 60_000).toISOString();
    const content = {
      template: "box-code",
      boxId: box.id,
      box: box.name,
      code,
      minutes: CODE_MINUTES,
      language,
    } as const;
    await pages.vault.outbox.add([mailInput(content, { to: entry.address, about: [box.id], notAfter })]);
    pages.wake();
  });
  pages.visits.keep(reply, place, { ...visit, asked: typed, tries: 0 });
  return sendOn(reply, place);
}

/** Lets in whoever has the code. */
export async function useCode(request: BoxRequest, sent: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { pages, box, place, words } = request;
  const { data } = CodeForm.safeParse(sent.body);
  const visit = requireOwnForm(request, sent, data?.token);
  const entry = visit.asked === undefined ? undefined : entryOf(box, visit.asked);
  let isRight = false;
  await atLeast(pages.clock.sleep(LEAST_MS), async () => {
    if (!entry) return;
    const tried = await pages.codes.use({ place, address: entry.address }, visit.id, data?.code ?? "");
    isRight = tried.outcome === "right";
    await noteTry(request, { address: entry.address, from: sent.ip, tried });
  });
  if (!entry || !isRight) {
    const failed = { ...visit, tries: (visit.tries ?? 0) + 1 };
    pages.visits.keep(reply, place, failed);
    return showSignIn({ ...request, visit: failed }, reply, { status: 403, problem: words.wrongCode });
  }
  // Another id: what was known of the visit before is of no use to anybody.
  pages.visits.keep(reply, place, pages.visits.begin({ who: entry.address }));
  return sendOn(reply, place);
}

/** An event of the box for each sign-in, and for each wrong code that counts: a stranger, for whom there is none, fills no log. */
async function noteTry(
  { pages: { vault }, box: { id, categoryId } }: BoxRequest,
  { address, from, tried }: { address: string; from: string; tried: CodeTry },
): Promise<void> {
  const ids = [id, ...(categoryId === null ? [] : [categoryId])];
  if (tried.outcome === "right") await vault.note(address, "box.signed-in", `from ${from}`, ids);
  if (tried.outcome !== "wrong") return;
  await vault.note(
    LINK_HOLDER,
    "box.code-refused",
    `${tried.tries} of ${MOST_TRIES} for ${address}, from ${from}`,
    ids,
  );
}

/** Back to the question for an address. */
export function askAgain(request: BoxRequest, sent: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { pages, place } = request;
  requireOwnForm(request, sent, (sent.body as { token?: unknown } | undefined)?.token);
  pages.visits.keep(reply, place, pages.visits.begin());
  return sendOn(reply, place);
}

/** Ends the visit, also for whoever has a copy of its cookie. */
export async function signOut(guest: Guest, reply: FastifyReply): Promise<FastifyReply> {
  const { pages, place, visit } = guest;
  await pages.codes.end(personOf(guest), visit.id, pages.visits.endOf(visit));
  pages.visits.forget(reply, place);
  return sendOn(reply, place);
}

async function atLeast(pause: Promise<void>, work: () => Promise<void>): Promise<void> {
  await Promise.all([pause, work()]);
}
