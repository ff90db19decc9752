import { html, type Html, type Inserted } from "../html/html.js";
import type { Language } from "../html/locale.js";
import { assetUrl, decryptUrl } from "./assets.js";
import type { PageStyle } from "./style.js";

type Script = "tus.js" | "upload.js" | "idle.js" | "fragment.js" | "decrypt.js";

/** One page, before its frame. */
export interface Page {
  /** What the page is, for the window's title. */
  title: string;
  language: Language;
  /** Begins with the page's one `h1`. */
  content: Inserted;
  /** Who is signed in, and the way out. */
  account?: Html;
  /** Scripts of ours that the page gains from, by their asset names. It does without them. */
  scripts?: readonly Script[];
}

const SKIP: Readonly<Record<Language, string>> = { en: "Skip to the content", fr: "Aller au contenu" };

/** The whole document: the brand at its top, landmarks, and nothing that comes from elsewhere. */
export function renderPage({ title, language, content, account, scripts = [] }: Page, style: PageStyle): Html {
  const { brand, logo } = style;
  return html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex, nofollow" />
        <title>${title} – ${brand.name}</title>
        <link rel="stylesheet" href="${assetUrl("pages.css")}" />
        <link rel="stylesheet" href="${assetUrl("brand.css", style)}" />
        <link rel="icon" href="${logo ? assetUrl("logo", style) : "data:,"}" />
        ${scripts.map(scriptTag)}
      </head>
      <body>
        <a class="skip" href="#main">${SKIP[language]}</a>
        <header class="top">
          <p class="brand">
            ${logo && html`<img src="${assetUrl("logo", style)}" alt="" height="32" />`}<span>${brand.name}</span>
          </p>
          ${account}
        </header>
        <main id="main" tabindex="-1">${content}</main>
      </body>
    </html>`;
}

function scriptTag(name: Script): Html {
  if (name === "decrypt.js") return html`<script type="module" src="${decryptUrl()}"></script>`;
  return html`<script src="${assetUrl(name)}" defer></script>`;
}

/** Says what happened, at the top of a page: read out by screen readers when the page opens. */
export function notice(kind: "good" | "bad" | "plain", text: Inserted): Html {
  return html`<div class="notice ${kind}" role="${kind === "bad" ? "alert" : "status"}">${text}</div>`;
}
