import { html, type Html, type Inserted } from "../../html/html.js";
import { type Page, renderPage } from "../layout.js";
import type { BoxRequest, Guest } from "./visitor.js";

/** A page of a box for somebody who is signed in. */
export function guestPage(guest: Guest, page: Pick<Page, "title" | "content" | "scripts">): Html {
  const { pages, language, words, address, place } = guest;
  const account = html`<div class="account">
    <span>${words.signedInAs} <bdi>${address}</bdi></span>
    ${form(guest, `${place}/sign-out`, html`<button class="quiet">${words.signOut}</button>`)}
  </div>`;
  return renderPage({ ...page, language, account, scripts: ["idle.js", ...(page.scripts ?? [])] }, pages.style);
}

/** A form that carries what only a page of this visit knows. @param kind `files` for one that uploads */
export function form(
  { pages, visit }: BoxRequest,
  action: string,
  content: Inserted,
  kind: "plain" | "files" = "plain",
): Html {
  const token = visit ? pages.visits.formToken(visit) : "";
  const hidden = html`<input type="hidden" name="token" value="${token}" />`;
  return kind === "files"
    ? html`<form method="post" action="${action}" enctype="multipart/form-data" id="upload">${hidden}${content}</form>`
    : html`<form method="post" action="${action}">${hidden}${content}</form>`;
}

/** Names of kinds of files as people know them: `PDF, XLSX`. */
export function kindsText(types: readonly string[]): string {
  return types.map((type) => type.toUpperCase()).join(", ");
}
