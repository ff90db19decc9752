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

/** The report as one page of HTML: figures, a chart, a table. Nothing is fetched for it. */
export function reportHtml({ month, at, outcomes, failures }: Report): string {
  const all = outcomes.length + failures.length;
  const back = outcomes.filter(({ now }) => now.length > 0).length;
  const backBefore = outcomes.filter(({ before }) => before.length > 0).length;
  const bars: [string, number, string][] = [
    ["Served", outcomes.length, "#1f7a4d"],
    ["Not served", failures.length, "#b3261e"],
    ["Handed in for the month before", backBefore, "#1f5f8b"],
    ["Handed in for this month", back, "#1f5f8b"],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drop-boxes of ${text(month)}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b1f24; background: #fff; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #d0d7de; vertical-align: top; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .8rem; }
</style>
</head>
<body>
<h1>Drop-boxes of ${text(month)}</h1>
<p>${all} clients, ${failures.length === 0 ? "all served" : `${failures.length} not served`}; as of ${text(at)}.</p>
${chart(bars, all)}
${failures.length === 0 ? "" : `<h2>Not served</h2>\n<table><thead><tr><th scope="col">Client</th><th scope="col">Why</th></tr></thead><tbody>\n${failures.map(({ client, problem }) => `<tr><td>${text(client)}</td><td>${text(problem)}</td></tr>`).join("\n")}\n</tbody></table>`}
<h2>Clients</h2>
<table>
<thead><tr><th scope="col">Client</th><th scope="col">Rows</th><th scope="col">Drop-box</th><th scope="col">Ticket</th><th scope="col">Handed in, month before</th><th scope="col">Handed in, this month</th><th scope="col">SHA-256 of its workbook</th></tr></thead>
<tbody>
${outcomes.map(row).join("\n")}
</tbody>
</table>
</body>
</html>
`;
}

function row({ client, rows, page, ticket, before, now, sha256 }: Outcome): string {
  const link = /^https?:\/\//.test(page) ? `<a href="${text(page)}">open</a>` : text(page);
  return `<tr><td>${text(client)}</td><td class="number">${rows}</td><td>${link}</td><td>${text(ticket)}</td><td>${returned(before)}</td><td>${returned(now)}</td><td><code>${text(sha256)}</code></td></tr>`;
}

function returned(deposits: readonly Returned[]): string {
  if (deposits.length === 0) return "no";
  return deposits
    .map(({ by, at, files }) => `${text(at.slice(0, 10))}, ${text(by)}: ${text(files.join(", "))}`)
    .join("<br>");
}

/** Bars of shares of all clients, which a screen reader reads as a sentence. */
function chart(bars: readonly (readonly [string, number, string])[], all: number): string {
  const label = bars.map(([name, count]) => `${name}: ${count} of ${all}`).join("; ");
  const drawn = bars.map(([name, count, colour], index) => {
    const y = index * 32;
    const width = all === 0 ? 0 : Math.round((count / all) * 400);
    return `<text x="0" y="${y + 20}" font-size="14">${text(name)}</text><rect x="240" y="${y + 6}" width="${width}" height="18" fill="${colour}"/><text x="${250 + width}" y="${y + 20}" font-size="14">${count}</text>`;
  });
  return `<svg role="img" aria-label="${text(label)}" viewBox="0 0 700 ${bars.length * 32}" width="700" style="max-width:100%" fill="#1b1f24">${drawn.join("")}</svg>`;
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
