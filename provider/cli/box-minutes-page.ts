import { type Html, html } from "../server/html/html.js";
import { oneLine, prose } from "../server/html/locale.js";
import type { BoxMinutes, MinutesEntry } from "../vault/box-minutes.js";
import { MINUTES_WORDS, minutesDetails, minutesFileText } from "./box-minutes-text.js";
import { dateText } from "./describe.js";

/**
 * The record as one HTML file that needs nothing else: to be kept, printed or sent. It runs no script and asks nobody for
 * anything, and says so itself where a browser would.
 */
export function minutesPage({ box, entries }: BoxMinutes, writtenAt: Date): string {
  const name = box.path.join(" / ");
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>Minutes of ${name}</title>
        ${STYLE}
      </head>
      <body>
        <h1>Minutes of ${name}</h1>
        <dl>
          ${fact("Drop-box", box.id)} ${fact("Status", box.status)}
          ${fact("Recipients", box.recipients.join(", ") || "nobody")} ${fact("Managers", box.managers.join(", "))}
          ${fact("Wanted", box.description && prose(box.description))}
          ${fact("Open until", box.expiresAt && dateText(box.expiresAt))}
          ${fact("Archived", box.archivedAt && dateText(box.archivedAt))} ${fact("Written", dateText(writtenAt))}
        </dl>
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Who</th>
              <th scope="col">Details</th>
            </tr>
          </thead>
          <tbody>
            ${entries.map(row)}
          </tbody>
        </table>
      </body>
    </html> `;
  return page.toString();
}

function row(entry: MinutesEntry): Html {
  const { at, what, by, files = [] } = entry;
  const list =
    files.length === 0
      ? undefined
      : html`<ul>
          ${files.map((file) => html`<li>${minutesFileText(file)}</li>`)}
        </ul>`;
  return html`<tr>
    <td><time datetime="${at}">${dateText(at)}</time></td>
    <td>${MINUTES_WORDS[what]}</td>
    <td>${oneLine(by)}</td>
    <td>${minutesDetails(entry).map((line) => html`<div>${oneLine(line)}</div>`)}${list}</td>
  </tr> `;
}

function fact(name: string, value: string | undefined): Html | undefined {
  return value === undefined || value === ""
    ? undefined
    : html`<dt>${name}</dt>
        <dd>${value}</dd>`;
}

const STYLE = html`<style>
  :root {
    color-scheme: light dark;
    font:
      16px/1.5 system-ui,
      sans-serif;
  }
  body {
    max-width: 70rem;
    margin: 2rem auto;
    padding: 0 1rem;
  }
  dl {
    display: grid;
    grid-template-columns: max-content 1fr;
    gap: 0.2rem 1.5rem;
  }
  dt {
    font-weight: 600;
  }
  dd {
    margin: 0;
    white-space: pre-line;
    overflow-wrap: anywhere;
  }
  table {
    width: 100%;
    border-collapse: collapse;
  }
  th,
  td {
    padding: 0.4rem 0.8rem 0.4rem 0;
    text-align: left;
    vertical-align: top;
    border-bottom: 1px solid #8888;
    overflow-wrap: anywhere;
  }
  ul {
    margin: 0;
    padding-left: 1.2rem;
  }
</style>`;
