import type { Transfer, TransferFile } from "../../../vault/port.js";
import { html, type Html } from "../../html/html.js";
import { formatBytes, formatInstant, type Locale, oneLine, prose } from "../../html/locale.js";
import { notice, renderPage } from "../layout.js";
import type { PageStyle } from "../style.js";
import { byHandNotes, openedName, sealedNotes } from "./sealed.js";
import { transferWords } from "./words.js";

/** What every page of one transfer needs. */
export interface TransferView {
  transfer: Transfer;
  /** Its page's path. */
  place: string;
  locale: Locale;
  style: PageStyle;
}

/** The files, to be downloaded one by one. */
export function filesPage({ transfer, place, locale, style }: TransferView): Html {
  const words = transferWords(locale.language);
  const { encryptedFor: recipient } = transfer;
  const content = html`<h1>${words.title}</h1>
    <p>${words.sentBy(oneLine(transfer.from))}</p>
    ${transfer.message !== undefined && html`<blockquote class="prose">${prose(transfer.message)}</blockquote>`}
    ${recipient !== undefined && sealedNotes(recipient, locale)}
    <dl class="facts">
      <div>
        <dt>${words.until}</dt>
        <dd><time datetime="${transfer.expiresAt}">${formatInstant(locale, transfer.expiresAt)}</time></dd>
      </div>
    </dl>
    ${transfer.files.map((file) => fileSection(file, { transfer, place, locale, style }))}
    <p class="help">${recipient === undefined ? words.digestHelp : words.sealed.digestHelp}</p>
    ${recipient !== undefined && byHandNotes(locale)}`;
  const scripts = recipient === undefined ? [] : (["decrypt.js"] as const);
  return renderPage({ title: words.title, language: locale.language, content, scripts }, style);
}

// A button, which nothing that only follows links presses: a mail program's scanner uses up no download.
function fileSection({ id, name, size = 0, sha256 = "", downloads }: TransferFile, view: TransferView): Html {
  const { transfer, place, locale } = view;
  const words = transferWords(locale.language);
  const labels = transfer.encryptedFor === undefined ? { size: words.size, digest: "SHA-256" } : words.sealed;
  const left = transfer.maxDownloads === undefined ? undefined : transfer.maxDownloads - downloads;
  return html`<section>
    <h2><bdi>${oneLine(name)}</bdi></h2>
    <dl class="facts">
      <div>
        <dt>${labels.size}</dt>
        <dd>${formatBytes(locale, size)}</dd>
      </div>
      <div>
        <dt>${labels.digest}</dt>
        <dd><code>${sha256}</code></dd>
      </div>
      <div>
        <dt>${words.left}</dt>
        <dd>${left === undefined ? words.unlimited : Math.max(0, left)}</dd>
      </div>
    </dl>
    ${
      left !== undefined && left <= 0
        ? html`<p>${words.usedUp}</p>`
        : html`<form
            method="post"
            action="${place}/files/${id}"
            ${transfer.encryptedFor !== undefined && html`data-sealed data-name="${openedName(name)}" data-size="${size}"`}
          >
            <button aria-label="${words.downloadOf(oneLine(name))}">${words.download}</button>
          </form>`
    }
  </section>`;
}

/** Asks for the password; nothing of the transfer is shown before. @param problem what was wrong with the last one */
export function passwordPage({ place, locale, style }: TransferView, problem?: string): Html {
  const words = transferWords(locale.language);
  const content = html`<h1>${words.title}</h1>
    ${problem !== undefined && notice("bad", problem)}
    <form method="post" action="${place}/password">
      <label for="password">${words.password}</label>
      <p class="help" id="password-help">${words.passwordHelp}</p>
      <input
        id="password"
        name="password"
        type="password"
        required
        maxlength="1024"
        autocomplete="off"
        aria-describedby="password-help"
      />
      <button>${words.open}</button>
    </form>`;
  const page = { title: words.title, language: locale.language, content };
  return renderPage({ ...page, scripts: ["fragment.js"] }, style);
}

/** A transfer that gives nothing any more, or nothing at all. */
export function endedPage(status: Transfer["status"] | "not found" | "failed", locale: Locale, style: PageStyle): Html {
  const words = transferWords(locale.language);
  const [title, text] = endedTexts(status, words);
  const content = html`<h1>${title}</h1>
    <p>${text}</p>`;
  return renderPage({ title, language: locale.language, content }, style);
}

function endedTexts(
  status: Transfer["status"] | "not found" | "failed",
  words: ReturnType<typeof transferWords>,
): [string, string] {
  switch (status) {
    case "expired":
      return [words.expired, words.askSender];
    case "used":
      return [words.used, words.askSender];
    case "locked":
      return [words.locked, words.askSender];
    case "archived":
      return [words.archived, words.askSender];
    case "failed":
      return [words.failed, words.failedText];
    case "draft":
    case "open":
    case "not found":
      return [words.notFound, words.notFoundText];
  }
}
