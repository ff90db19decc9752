import type { DropBox } from "../../vault/port.js";
import { BOX_ARGUMENT, BOX_KEYS, boxShape, bytesText, counted, findTypedBox, STATUS_STYLES } from "../boxes.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, pathText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const boxShow: CommandDefinition = {
  name: "box show",
  summary: "show everything about a drop-box but what is in it",
  description: [
    "Shows a drop-box: its people, what is wanted, until when, its limits and its page. What was deposited is shown by `coffre box deposits`, what happened to it by `coffre box minutes`.",
  ],
  arguments: [BOX_ARGUMENT],
  examples: [
    { command: "coffre box show Partners/acme", does: "one box, for people" },
    { command: "coffre box show --json Partners/acme | jq -r .url", does: "the address of its page" },
  ],
  json: `An object: ${BOX_KEYS}`,
  async run(context, { args: [text = ""] }) {
    const { terminal } = context;
    const box = await findTypedBox(await context.vault(), text);
    if (context.json) {
      terminal.json(boxShape(box));
      return;
    }
    terminal.print(terminal.style("bold", pathText(box)));
    const status = terminal.style(STATUS_STYLES[box.status], box.status);
    const rows = [["status", status], ...rowsOf(box)].filter((row): row is [string, string] => row[1] !== undefined);
    for (const line of columns(rows.map(([name, value]) => [terminal.style("dim", name), value]))) terminal.print(line);
  },
};

function rowsOf(box: DropBox): [string, string | undefined][] {
  const { recipients, managers, fileTypes, phones, description } = box;
  const date = (instant: string | undefined) => instant && dateText(instant);
  const bytes = (limit: number | undefined) => (limit === undefined ? undefined : bytesText(limit));
  const list = (texts: readonly string[] = []) => (texts.length === 0 ? undefined : texts.map(printable).join(", "));
  return [
    ["id", box.id],
    ["page", box.url],
    ["wanted", description === undefined ? undefined : description.split("\n").map(printable).join(" / ")],
    ["recipients", list(recipients) ?? "nobody"],
    ["managers", list(managers)],
    ["open until", date(box.expiresAt)],
    ["archives", date(box.archivesAt)],
    ["archived", date(box.archivedAt)],
    ["recipients see", box.partitioned ? "their own deposits" : "all deposits"],
    ["notices", noticesText(box)],
    ["files", list(fileTypes)],
    ["largest file", bytes(box.maxFileBytes)],
    ["all files", bytes(box.maxBytes)],
    ["kept for", box.keepDays === undefined ? undefined : counted(box.keepDays, "day")],
    ["phones", list(phones)],
    ["holds", `${counted(box.depositCount, "deposit")}, ${bytesText(box.bytes)}`],
    ["created", `${dateText(box.createdAt)}${box.owned ? ", by a Pulumi stack" : ""}`],
  ];
}

function noticesText({ depositNotice, downloadNotice }: DropBox): string {
  const told = [...(depositNotice ? ["each deposit"] : []), ...(downloadNotice ? ["each download"] : [])];
  return told.length === 0 ? "none" : `managers are told of ${told.join(" and ")}`;
}
