import { collect } from "../../core/collect.js";
import type { Deposit, StoredFile } from "../../vault/port.js";
import { BOX_ARGUMENT, bytesText, counted, depositShape, findTypedBox } from "../boxes.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, pathText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const boxDeposits: CommandDefinition = {
  name: "box deposits",
  summary: "list what was deposited in a drop-box: by whom, when, which files",
  description: [
    "Lists the deposits of a drop-box, oldest first, each with its files: name, size, what it is by its content, and its SHA-256. A file that is still being uploaded says so, and so does one that stopped half way when the box was closed, waits for the scanner or was refused by it.",
  ],
  arguments: [BOX_ARGUMENT],
  options: [{ flags: "--by <address>", description: "only what this person deposited" }],
  examples: [
    { command: "coffre box deposits Partners/acme", does: "what is in the box" },
    {
      command: "coffre box deposits --json Partners/acme | jq -r '.[].files[] | \"\\(.sha256)  \\(.name)\"'",
      does: "the files as sha256sum writes them",
    },
  ],
  json: "An array of deposits: `id`, `by`, `note`, `openedAt`, `submittedAt` (`null` while it is being made) and `files`: `id`, `name`, `givenName`, `state` (uploading: not whole, also once the box is closed; quarantine, ready, refused), `received`, `size`, `sha256`, `type` (`extension`, `mime`), `reason`, `finishedAt`. What is absent is `null`.",
  async run(context, { args: [text = ""], options }) {
    const { terminal } = context;
    const vault = await context.vault();
    const box = await findTypedBox(vault, text);
    const { by } = options;
    const deposits = await collect(vault.boxes.listDeposits(box.id, typeof by === "string" ? { by } : {}));
    if (context.json) {
      terminal.json(deposits.map(depositShape));
      return;
    }
    const takes = box.status === "open";
    for (const deposit of deposits) printDeposit(context, deposit, takes);
    const open = deposits.filter(({ submittedAt }) => submittedAt === undefined).length;
    const others = open === 0 ? "" : `, and ${open} ${openText(takes)}`;
    terminal.note(`${counted(deposits.length - open, "deposit")} in ${pathText(box)}${others}.`);
  },
};

/** @param takes whether the box takes deposits, so that one that isn't submitted may still be */
function printDeposit(
  { terminal }: CommandContext,
  { id, by, note, submittedAt, files }: Deposit,
  takes: boolean,
): void {
  const when = submittedAt === undefined ? terminal.style("yellow", openText(takes)) : dateText(submittedAt);
  terminal.print(`${terminal.style("bold", printable(by))}  ${when}  ${terminal.style("dim", id)}`);
  if (note !== undefined) for (const line of note.split("\n")) terminal.print(`  "${printable(line)}"`);
  const rows = files.map((file) => [
    `  ${printable(file.name)}`,
    stateText(file, takes),
    file.type?.extension ?? "",
    file.sha256 ?? "",
  ]);
  for (const line of columns(rows)) terminal.print(line);
}

/** What a deposit is that isn't submitted. */
function openText(takes: boolean): string {
  return takes ? "being made" : "not handed in";
}

function stateText({ state, received, size, reason }: StoredFile, takes: boolean): string {
  switch (state) {
    case "uploading":
      return `${takes ? "uploading" : "stopped"}, ${bytesText(received)}${size === undefined ? "" : ` of ${bytesText(size)}`}`;
    case "quarantine":
      return `${bytesText(size ?? received)}, in quarantine`;
    case "refused":
      return `refused${reason === undefined ? "" : `: ${printable(reason)}`}`;
    case "ready":
      return bytesText(size ?? received);
  }
}
