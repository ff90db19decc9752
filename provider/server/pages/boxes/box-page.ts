import type { Deposit, StoredFile } from "../../../vault/port.js";
import { html, type Html, type Inserted } from "../../html/html.js";
import { formatBytes, formatInstant, oneLine, prose } from "../../html/locale.js";
import { notice } from "../layout.js";
import { ownOpenDeposit, visibleDeposits } from "./deposits.js";
import { form, guestPage, kindsText } from "./frame.js";
import { managerFacts, managerTools } from "./manager.js";
import { fileItem } from "./receipt.js";
import { blockedText, largestText } from "./states.js";
import type { Guest } from "./visitor.js";

/** What a form has done, said at the top of the page that follows. */
export interface Said {
  kind: "good" | "bad";
  text: Inserted;
}

/** The page of a drop-box for whoever is signed in. */
export async function boxPage(guest: Guest, said?: Said): Promise<Html> {
  const { box, words, role } = guest;
  const blocked = blockedText(guest);
  const takes = blocked === undefined;
  const [own, deposits] = [await ownOpenDeposit(guest), await visibleDeposits(guest)];
  const isShown = takes || (box.status === "open" && own !== undefined && own.files.length > 0);
  const shown = isShown && uploads(guest, own, takes);
  return guestPage(guest, {
    title: oneLine(box.name),
    scripts: blocked ? [] : ["tus.js", "upload.js"],
    content: html`<p class="kicker">${role === "manager" ? words.managed : words.dropBox}</p>
      <h1>${oneLine(box.name)}</h1>
      ${said && notice(said.kind, said.text)}
      ${blocked && notice("plain", html`<strong>${blocked.title}.</strong> ${blocked.text}`)} ${asked(guest)}
      ${
        role === "manager"
          ? [managerFacts(guest), handedIn(guest, deposits), managerTools(guest), shown]
          : [shown, handedIn(guest, deposits)]
      }`,
  });
}

function asked(guest: Guest): Html {
  const { box, words, locale, role } = guest;
  const { description, expiresAt, fileTypes } = box;
  return html`<section aria-labelledby="asked">
    <h2 id="asked">${role === "manager" ? words.wantedOfRecipients : words.wanted}</h2>
    ${description !== undefined && html`<p class="prose">${prose(description)}</p>`}
    <dl class="facts">
      <div>
        <dt>${words.until}</dt>
        <dd>
          ${
            expiresAt === undefined
              ? words.noEnd
              : html`<time datetime="${expiresAt}">${formatInstant(locale, expiresAt)}</time>`
          }
        </dd>
      </div>
      ${
        fileTypes &&
        html`<div>
          <dt>${words.kinds}</dt>
          <dd>${kindsText(fileTypes)}</dd>
        </div>`
      }
      <div>
        <dt>${words.largest}</dt>
        <dd>${largestText(guest)}</dd>
      </div>
    </dl>
  </section>`;
}

/** @param takes whether more files may come: a box that is full still takes what is whole already */
function uploads(guest: Guest, own: Deposit | undefined, takes: boolean): Html {
  const { box, words, place, role } = guest;
  const { fileTypes } = box;
  const files = own?.files ?? [];
  return html`<section aria-labelledby="uploads">
    <h2 id="uploads">${role === "manager" ? words.depositHere : words.yourFiles}</h2>
    ${
      takes &&
      form(
        guest,
        `${place}/files`,
        html`<div class="drop" id="drop">
          <label for="files">${words.choose}</label>
          <input
            id="files"
            name="files"
            type="file"
            multiple
            required
            aria-describedby="upload-help"
            ${acceptOf(fileTypes)}
          />
          <span class="or" hidden>${words.drop}</span>
          <p class="help" id="upload-help">
            ${words.uploadHelp(largestText(guest))} ${fileTypes && words.kindsHelp(kindsText(fileTypes))}
          </p>
          <button id="send">${words.upload}</button>
        </div>`,
        "files",
      )
    }
    <ul class="files" id="running" aria-label="${words.uploading}" hidden></ul>
    <p
      class="visually-hidden"
      id="spoken"
      role="status"
      data-uploads="${place}/uploads"
      data-percent="${words.percent}"
      data-progress="${words.progress}"
      data-done="${words.done}"
      data-failed="${words.failedUpload}"
      data-interrupted="${words.interrupted}"
      data-cancel="${words.cancel}"
      data-retry="${words.retry}"
      data-remove="${words.remove}"
      data-signed-out="${words.signInAgain}"
    ></p>
    <div id="collected">
      <h3>${words.collected}</h3>
      ${
        files.length === 0
          ? html`<p class="help">${words.nothingYet}</p>`
          : html`<ul class="files">
              ${files.map((file) => ownFileItem(guest, file))}
            </ul>`
      }
    </div>
    <div id="hand-in" ${files.length === 0 ? html`hidden` : undefined}>
      ${form(
        guest,
        `${place}/submit`,
        html`<label for="note">${words.noteField}</label>
          <textarea id="note" name="note" rows="3" maxlength="4000" aria-describedby="note-help"></textarea>
          <p class="help" id="note-help">${words.noteHelp}</p>
          <button>${words.handIn}</button>
          <p class="help">${words.handInHelp}</p>`,
      )}
    </div>
  </section>`;
}

function ownFileItem(guest: Guest, { id, name, size, received, state }: StoredFile): Html {
  const { words, locale, place } = guest;
  const isWhole = state !== "uploading" || received === size;
  const sizeText = formatBytes(locale, size ?? received);
  return html`<li class="file" ${isWhole ? undefined : html`data-unfinished="${id}"`}>
    <span class="name"><bdi>${name}</bdi></span>
    <span class="size">${sizeText}</span>
    ${form(
      guest,
      `${place}/files/${id}/remove`,
      html`<button class="quiet" aria-label="${words.removeFile(name)}">${words.remove}</button>`,
    )}
    <span class="digest">${isWhole ? words.arrived : words.partly(formatBytes(locale, received), sizeText)}</span>
  </li>`;
}

function handedIn(guest: Guest, deposits: readonly Deposit[]): Html {
  const { box, role, words, locale, place } = guest;
  const isOwn = role === "recipient" && box.partitioned;
  return html`<section aria-labelledby="handed-in">
    <h2 id="handed-in">${isOwn ? words.ownDeposits : words.allDeposits}</h2>
    ${deposits.length === 0 && html`<p class="help">${words.noDeposits}</p>`}
    ${deposits.map(
      ({ id, by, submittedAt = "", note, files }) =>
        html`<article class="deposit">
          <h3>
            <time datetime="${submittedAt}">${formatInstant(locale, submittedAt)}</time>
            ${!isOwn && html`<bdi class="by">${oneLine(by)}</bdi>`}
          </h3>
          ${note !== undefined && html`<blockquote class="prose">${prose(note)}</blockquote>`}
          <ul class="files">
            ${files.map((file) => fileItem(guest, file))}
          </ul>
          <p><a href="${place}/deposits/${id}">${words.showReceipt}</a></p>
        </article>`,
    )}
  </section>`;
}

/** What a browser offers first; text has many endings, so that it is left open then. */
function acceptOf(fileTypes: readonly string[] | undefined): Html | undefined {
  if (!fileTypes || fileTypes.includes("txt")) return undefined;
  return html`accept="${fileTypes.map((type) => `.${type}`).join(",")}"`;
}
