import { isSameAddress } from "../../../core/email.js";
import type { Deposit, StoredFile } from "../../../vault/port.js";
import { html, type Html } from "../../html/html.js";
import { formatBytes, formatInstant, oneLine, prose } from "../../html/locale.js";
import { notice } from "../layout.js";
import { guestPage } from "./frame.js";
import type { Guest } from "./visitor.js";

/** What arrived: to be kept, or printed. */
export function receiptPage(guest: Guest, deposit: Deposit): Html {
  const { words, locale, box, place, address } = guest;
  const { id, by, note, submittedAt = "", files } = deposit;
  return guestPage(guest, {
    title: words.receipt,
    content: html`<h1>${words.receipt}</h1>
      ${isSameAddress(by, address) && notice("good", words.receiptLead)}
      <dl class="facts">
        <div>
          <dt>${words.dropBox}</dt>
          <dd><bdi>${oneLine(box.name)}</bdi></dd>
        </div>
        <div>
          <dt>${words.by}</dt>
          <dd><bdi>${oneLine(by)}</bdi></dd>
        </div>
        <div>
          <dt>${words.at}</dt>
          <dd><time datetime="${submittedAt}">${formatInstant(locale, submittedAt)}</time></dd>
        </div>
        <div>
          <dt>${words.depositOf}</dt>
          <dd><code>${id}</code></dd>
        </div>
        ${
          note !== undefined &&
          html`<div>
            <dt>${words.note}</dt>
            <dd class="prose">${prose(note)}</dd>
          </div>`
        }
      </dl>
      <ul class="files">
        ${files.map((file) => fileItem(guest, file))}
      </ul>
      <p><a href="${place}">${words.back}</a></p>`,
  });
}

/** One file that was handed in. */
export function fileItem(guest: Guest, { id, name, size = 0, sha256 = "", state }: StoredFile): Html {
  const { words, locale, place } = guest;
  const states = { quarantine: words.inQuarantine, refused: words.wasRefused, uploading: "", ready: "" };
  return html`<li class="file">
    <span class="name"><bdi>${name}</bdi></span>
    <span class="size">${formatBytes(locale, size)}</span>
    ${
      state === "ready"
        ? html`<a class="get" href="${place}/files/${id}" aria-label="${words.downloadFile(name)}"
            >${words.download}</a
          >`
        : html`<span class="get">${states[state]}</span>`
    }
    <span class="digest">SHA-256 <code>${sha256}</code></span>
  </li>`;
}
