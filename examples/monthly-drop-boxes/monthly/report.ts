import type { Outcome, Returned } from "./client-box.ts";

/** What a run came to. */
export interface Report {
  month: string;
  /** ISO 8601. */
  at: string;
  outcomes: Outcome[];
  /** Clients that this run couldn't serve, and why. */
  failures: { client: string; problem: string }[];
}

/** Of a bar that all clients fill. */
const FULL_WIDTH = 400;

const STYLE = `:root { --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --ground: #fff; --head: #f3f4f6; --good: #1f7a4d; --bad: #b3261e; --plain: #1f5f8b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b3; --line: #30363d; --ground: #0d1117; --head: #161b22; --good: #3fb97a; --bad: #ff7b72; --plain: #58a6da; }
}
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto 4rem; max-width: 76rem; padding: 0 1rem; color: var(--ink); background: var(--ground); }
h1 { margin: 0 0 .25rem; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem; }
a { color: inherit; }
.lead { margin: 0 0 1.5rem; color: var(--soft); }
svg { display: block; max-width: 100%; height: auto; font-size: 14px; fill: var(--ink); }
.track { fill: var(--head); stroke: var(--line); }
.good { fill: var(--good); }
.bad { fill: var(--bad); }
.plain { fill: var(--plain); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; padding: .5rem .75rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { background: var(--head); font-weight: 600; }
td:first-child { min-width: 9rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.none { color: var(--soft); }
.problems td { overflow-wrap: anywhere; }
code { font-size: .75rem; color: var(--soft); word-break: break-all; }
@media print { .wide { overflow: visible; } }
`;

/** The report as one page of HTML: figures, a chart, a table. Nothing is fetched for it. */
export function reportHtml({ month, at, outcomes, failures }: Report): string {
  const all = outcomes.length + failures.length;
  const back = outcomes.filter(({ now }) => now.length > 0).length;
  const backBefore = outcomes.filter(({ before }) => before.length > 0).length;
  const bars: Bar[] = [
    ["Served", outcomes.length, "good"],
    ["Not served", failures.length, "bad"],
    ["Handed in for the month before", backBefore, "plain"],
    ["Handed in for this month", back, "plain"],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Drop-boxes of ${text(month)}</title>
<style>
${STYLE}</style>
</head>
<body>
<h1>Drop-boxes of ${text(month)}</h1>
<p class="lead">${all} clients, ${failures.length === 0 ? "all served" : `${failures.length} not served`}. As of <time datetime="${text(at)}">${text(shownTime(at))}</time>.</p>
${chart(bars, all)}
${failures.length === 0 ? "" : `<h2>Not served</h2>\n<table class="problems"><thead><tr><th scope="col">Client</th><th scope="col">Why</th></tr></thead><tbody>\n${failures.map(({ client, problem }) => `<tr><td>${text(client)}</td><td>${text(problem)}</td></tr>`).join("\n")}\n</tbody></table>`}
<h2>Clients</h2>
<div class="wide"><table>
<thead><tr><th scope="col">Client</th><th scope="col" class="number">Rows</th><th scope="col">Drop-box</th><th scope="col">Ticket</th><th scope="col">Handed in, month before</th><th scope="col">Handed in, this month</th><th scope="col">SHA-256 of its workbook</th></tr></thead>
<tbody>
${outcomes.map(row).join("\n")}
</tbody>
</table></div>
</body>
</html>
`;
}

function row({ client, rows, page, ticket, before, now, sha256 }: Outcome): string {
  const link = /^https?:\/\//.test(page) ? `<a href="${text(page)}">open</a>` : text(page);
  return `<tr><td>${text(client)}</td><td class="number">${rows}</td><td>${link}</td><td>${text(ticket)}</td><td>${returned(before)}</td><td>${returned(now)}</td><td><code>${text(sha256)}</code></td></tr>`;
}

function returned(deposits: readonly Returned[]): string {
  if (deposits.length === 0) return '<span class="none">nothing</span>';
  return deposits
    .map(({ by, at, files }) => `${text(at.slice(0, 10))}, ${text(by)}: ${text(files.join(", "))}`)
    .join("<br>");
}

/** What is counted, how many, and the class of its colour. */
type Bar = readonly [string, number, "good" | "bad" | "plain"];

/** Bars of shares of all clients, which a screen reader reads as a sentence. */
function chart(bars: readonly Bar[], all: number): string {
  const label = bars.map(([name, count]) => `${name}: ${count} of ${all}`).join("; ");
  const drawn = bars.map(([name, count, kind], index) => {
    const y = index * 36;
    const width = all === 0 ? 0 : Math.round((count / all) * FULL_WIDTH);
    return [
      `<text x="0" y="${y + 22}">${text(name)}</text>`,
      `<rect class="track" x="250" y="${y + 8}" width="${FULL_WIDTH}" height="18" rx="4"/>`,
      count === 0
        ? ""
        : `<rect class="${kind}" x="250" y="${y + 8}" width="${Math.max(4, width)}" height="18" rx="4"/>`,
      `<text x="${262 + FULL_WIDTH}" y="${y + 22}">${count} of ${all}</text>`,
    ].join("");
  });
  const height = bars.length * 36;
  return `<svg role="img" aria-label="${text(label)}" viewBox="0 0 760 ${height}" width="760">${drawn.join("")}</svg>`;
}

/** `23 November 2026 at 18:00 UTC`. @param at ISO 8601 */
function shownTime(at: string): string {
  const form = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });
  return `${form.format(new Date(at))} UTC`;
}

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ESCAPED[character] ?? character);
}
