import { type MinutesEntry, type MinutesFile, readBoxMinutes } from "../../../vault/box-minutes.js";
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
function detailsOf(guest: Guest, { what, detail = "" }: MinutesEntry): string[] {
  const { mails, codeTry } = guest.words;
  const [, tries, most, address] = /^(\d+) of (\d+) for (.*)$/.exec(detail) ?? [];
  if (what === "code-refused" && tries && most && address) return [codeTry(oneLine(address), tries, most)];
  if (what.startsWith("mail-")) return [mails[detail as keyof typeof mails] ?? oneLine(detail)];
  if (!/(^|; )recipients /.test(detail)) return detail === "" ? [] : [oneLine(detail)];
  return detail.split("; ").flatMap((part) => accessText(guest, part) ?? []);
}

/** Who has access from then on and until when; which fields were changed stands in what follows from it. */
function accessText({ words, locale }: Guest, part: string): string | undefined {
  const [, label, value = ""] = /^(recipients|managers|until) (.*)$/.exec(part) ?? [];
  if (label === "until") {
    return labelled(locale.language, words.until, value === "archived" ? words.noEnd : formatInstant(locale, value));
  }
  if (label === "recipients" || label === "managers") {
    const people = value === "none" ? words.nobody : oneLine(value).replaceAll(" ", ", ");
    return labelled(locale.language, words[label], people);
  }
  return part === "partitioned" ? words.onlyOwn : undefined;
}
