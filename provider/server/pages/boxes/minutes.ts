import {
  type AccessFacts,
  accessIn,
  codeTryIn,
  mailIn,
  type MinutesEntry,
  type MinutesFile,
  readBoxMinutes,
} from "../../../vault/box-minutes.js";
import { html, type Html } from "../../html/html.js";
import { formatBytes, formatInstant, labelled, oneLine } from "../../html/locale.js";
import { guestPage } from "./frame.js";
import { requireManager } from "./manager.js";
import type { Guest } from "./visitor.js";

/** What the log has of the box, for its managers, oldest first. @throws HttpFailure 403 */
export async function minutesPage(guest: Guest): Promise<Html> {
  requireManager(guest);
  const { pages, box, words, place } = guest;
  const { entries } = await readBoxMinutes(pages.vault, box.id);
  return guestPage(guest, {
    title: words.minutes,
    content: html`<p class="kicker">${oneLine(box.name)}</p>
      <h1>${words.minutes}</h1>
      <p class="help">${words.minutesLead}</p>
      <ol class="minutes">
        ${entries.map((entry) => entryItem(guest, entry))}
      </ol>
      <p><a href="${place}">${words.back}</a></p>`,
  });
}

function entryItem(guest: Guest, entry: MinutesEntry): Html {
  const { words, locale } = guest;
  const { at, what, files = [] } = entry;
  const by = what === "code-refused" ? words.linkHolder : oneLine(entry.by);
  return html`<li>
    <p class="what">${words.actions[what]}</p>
    <p class="help"><time datetime="${at}">${formatInstant(locale, at)}</time> · <bdi>${by}</bdi></p>
    ${detailsOf(guest, entry).map((text) => html`<p><bdi>${text}</bdi></p>`)}
    ${
      files.length > 0 &&
      html`<ul class="files">
        ${files.map((file) => fileOf(guest, file))}
      </ul>`
    }
  </li>`;
}

function fileOf({ locale }: Guest, { name, size, sha256 }: MinutesFile): Html {
  return html`<li class="file">
    <span class="name"><bdi>${oneLine(name)}</bdi></span>
    ${size !== undefined && html`<span class="size">${formatBytes(locale, size)}</span>`}
    ${sha256 !== undefined && html`<span class="digest">SHA-256 <code>${sha256}</code></span>`}
  </li>`;
}

/** The detail of an event in the visitor's language, as far as it has words of its own. */
function detailsOf(guest: Guest, entry: MinutesEntry): string[] {
  const { mails, mailTo, codeTry } = guest.words;
  const mail = mailIn(entry);
  if (mail) {
    const named = mails[mail.template as keyof typeof mails] ?? oneLine(mail.template);
    return [mail.to === undefined ? named : mailTo(named, oneLine(mail.to))];
  }
  const tried = codeTryIn(entry);
  if (tried) return [codeTry(oneLine(tried.address), tried.tries, tried.most)];
  const access = accessIn(entry);
  if (access) return accessTexts(guest, access);
  return entry.detail === undefined ? [] : [oneLine(entry.detail)];
}

/** Which fields were changed stands in what follows from it. */
function accessTexts({ words, locale }: Guest, { recipients, managers, until, partitioned }: AccessFacts): string[] {
  const line = (label: string, text: string) => labelled(locale.language, label, text);
  const people = (addresses: string[]) => addresses.map(oneLine).join(", ") || words.nobody;
  return [
    line(words.recipients, people(recipients)),
    line(words.managers, people(managers)),
    line(words.until, until === undefined ? words.noEnd : formatInstant(locale, until)),
    ...(partitioned ? [words.onlyOwn] : []),
  ];
}
