import { type Brand, inkOn } from "../html/brand.js";
import { html, type Html } from "../html/html.js";
import { labelled, type Language, oneLine } from "../html/locale.js";

/** What, and which. */
export type Fact = readonly [string, string];

/** What a mail says, before it is text or HTML. Every text is plain, and what people wrote went through `oneLine` or `prose`. */
export interface Letter {
  subject: string;
  paragraphs: readonly string[];
  /** To be typed somewhere: shown large, alone in its line. */
  code?: string;
  facts?: readonly Fact[];
  /** The one thing to do. */
  action?: { label: string; url: string };
  /** In small print: why this mail came. */
  footer: string;
}

/** A letter in both forms that a mail has. */
export interface WrittenLetter {
  subject: string;
  text: string;
  html: string;
}

/** Writes a letter as text and as HTML: no image, nothing that is fetched, every text escaped. */
export function writeLetter(given: Letter, givenBrand: Brand, language: Language): WrittenLetter {
  const letter = { ...given, subject: oneLine(given.subject) }; // without marks of direction: not every list of mails knows them
  const brand = { ...givenBrand, name: oneLine(givenBrand.name) };
  return {
    subject: letter.subject,
    text: textOf(letter, brand, language),
    html: `<!doctype html>\n${htmlOf(letter, brand, language).toString()}\n`,
  };
}

function textOf({ paragraphs, code, facts = [], action, footer }: Letter, { name }: Brand, language: Language): string {
  const parts = [
    ...paragraphs,
    ...(code === undefined ? [] : [`    ${code}`]),
    ...(facts.length === 0 ? [] : [facts.map((fact) => labelled(language, ...fact)).join("\n")]),
    ...(action ? [`${labelled(language, action.label, "").trimEnd()}\n${action.url}`] : []),
    // The convention of what follows the text: mail programs fold it (RFC 3676, 4.3).
    `-- \n${name}\n${footer}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

/**
 * Of what and which: beside one another where there is room for both (32em of the 33em that are left inside), and over one another on a
 * telephone. By widths alone: a table never does that, and a media query is a style sheet.
 */
const COLUMN = "display:inline-block;vertical-align:top";

// Styles stand at the elements, since many mail programs drop style sheets; black on white for all, which those that have a
// dark mode turn round by themselves.
function htmlOf(letter: Letter, { name, colour }: Brand, language: Language): Html {
  const { subject, paragraphs, code, facts = [], action, footer } = letter;
  return html`<html lang="${language}">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>${subject}</title>
    </head>
    <body
      style="margin:0;padding:0;background:#f3f4f6;color:#1b1f24;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
    >
      <div style="max-width:36rem;margin:0 auto;padding:24px 12px">
        <div style="border-top:4px solid ${colour};background:#ffffff;padding:24px;border-radius:4px">
          <p style="margin:0 0 16px;font-weight:bold">${name}</p>
          ${paragraphs.map((text) => html`<p style="margin:0 0 16px;overflow-wrap:anywhere;white-space:pre-line">${text}</p> `)}${
            code !== undefined &&
            html`<p style="margin:0 0 16px;font:bold 28px/1.4 monospace;letter-spacing:4px">${code}</p> `
          }${
            facts.length > 0 &&
            html`<div style="margin:0 0 16px">
              ${facts.map(
                ([label, value]) =>
                  html`<div style="padding:4px 0">
                    <div style="${COLUMN};width:9.5em;color:#57606a">${label}</div>
                    <div style="${COLUMN};width:100%;max-width:22.5em;overflow-wrap:anywhere">${value}</div>
                  </div> `,
              )}
            </div> `
          }${
            action &&
            html`<p style="margin:24px 0">
                <a
                  href="${action.url}"
                  style="display:inline-block;background:${colour};color:${inkOn(colour)};padding:12px 20px;border-radius:4px;text-decoration:none;font-weight:bold"
                  >${action.label}</a
                >
              </p>
              <p style="margin:0 0 16px;font-size:13px;color:#57606a;overflow-wrap:anywhere">${action.url}</p> `
          }
          <p style="margin:24px 0 0;font-size:13px;color:#57606a">${footer}</p>
        </div>
      </div>
    </body>
  </html>`;
}
