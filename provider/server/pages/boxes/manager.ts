import type { FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import { html, type Html } from "../../html/html.js";
import { formatBytes } from "../../html/locale.js";
import { HttpFailure } from "../../failures.js";
import { sendOn } from "../reply.js";
import { form } from "./frame.js";
import { type Guest, requireOwnForm } from "./visitor.js";

const StateForm = z.object({ token: z.string(), enabled: z.enum(["yes", "no"]) });

/** Who and how much: for managers only. */
export function managerFacts({ box, words, locale }: Guest): Html {
  const people = (addresses: readonly string[]) => addresses.map((address) => html`<li><bdi>${address}</bdi></li>`);
  return html`<section aria-labelledby="facts">
    <h2 id="facts">${words.details}</h2>
    <dl class="facts">
      <div>
        <dt>${words.status}</dt>
        <dd>${words.statuses[box.status]}</dd>
      </div>
      <div>
        <dt>${words.deposits}</dt>
        <dd>${box.depositCount}</dd>
      </div>
      <div>
        <dt>${words.used}</dt>
        <dd>${formatBytes(locale, box.bytes)}</dd>
      </div>
      <div>
        <dt>${words.recipients}</dt>
        <dd>
          <ul class="people">
            ${people(box.recipients)}
          </ul>
        </dd>
      </div>
      <div>
        <dt>${words.managers}</dt>
        <dd>
          <ul class="people">
            ${people(box.managers)}
          </ul>
        </dd>
      </div>
    </dl>
    <p class="help">${box.partitioned ? words.onlyOwn : words.shared}</p>
  </section>`;
}

/** Minutes, closing and opening again. */
export function managerTools(guest: Guest): Html {
  const { box, words, place } = guest;
  const canChange = box.status !== "archived";
  return html`<section aria-labelledby="tools">
    <h2 id="tools">${words.manage}</h2>
    <p><a href="${place}/minutes">${words.showMinutes}</a></p>
    ${
      canChange &&
      form(
        guest,
        `${place}/state`,
        html`<input type="hidden" name="enabled" value="${box.enabled ? "no" : "yes"}" />
          <button class="${box.enabled ? "danger" : ""}">${box.enabled ? words.close : words.reopen}</button>
          ${box.enabled && html`<p class="help">${words.closeHelp}</p>`}`,
      )
    }
  </section>`;
}

/** Closes the box to its recipients, or opens it again. */
export async function changeState(guest: Guest, sent: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  requireManager(guest);
  const { data } = StateForm.safeParse(sent.body);
  requireOwnForm(guest, sent, data?.token);
  const { vault, box, place } = guest;
  await vault.boxes.updateBox(box.id, { enabled: data?.enabled === "yes" });
  return sendOn(reply, place);
}

/** Recipients have none of the manager's pages. @throws HttpFailure 403 */
export function requireManager({ role, words }: Guest): void {
  if (role !== "manager") throw new HttpFailure(403, "FORBIDDEN", words.notAllowed, words.notAllowedText);
}
