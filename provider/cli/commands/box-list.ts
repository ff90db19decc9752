import { collect } from "../../core/collect.js";
import { BOX_KEYS, boxShape, bytesText, counted, STATUS_STYLES } from "../boxes.js";
import { findTypedCategory } from "../category.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, pathText } from "../describe.js";
import { columns } from "../table.js";

const HEADING = ["BOX", "STATUS", "UNTIL", "DEPOSITS", "SIZE"];

export const boxList: CommandDefinition = {
  name: "box list",
  summary: "list the drop-boxes: until when they are open, and what is in them",
  description: [
    "Lists the drop-boxes that you may see, by path: whether each takes deposits, until when, how many deposits are in it, and how much room they take, uploads that aren't finished included.",
    "With --archived it lists the boxes that were archived instead; what was deposited in them is read by their ids.",
  ],
  arguments: [{ name: "[category]", description: "only what stands in this category and below it" }],
  options: [{ flags: "--archived", description: "the archived boxes, with their ids" }],
  examples: [
    { command: "coffre box list", does: "all of them" },
    { command: "coffre box list Partners", does: "those of one category" },
    {
      command: "coffre box list --json | jq -r '.[] | select(.depositCount == 0) | .path | join(\"/\")'",
      does: "who hasn't sent anything yet?",
    },
  ],
  json: `An array of objects: ${BOX_KEYS}`,
  async run(context, { args: [category], options }) {
    const { terminal } = context;
    const vault = await context.vault();
    const archived = options["archived"] === true;
    const all = await collect(vault.boxes.listBoxes({ archived }));
    const root = category === undefined ? [] : findTypedCategory(await collect(vault.listCategories()), category).path;
    const boxes = all.filter(({ path }) => root.every((name, index) => path[index] === name));
    if (context.json) {
      terminal.json(boxes.map(boxShape));
      return;
    }
    const rows = boxes.map((box) => [
      archived ? `${pathText(box)}  ${box.id}` : pathText(box),
      terminal.style(STATUS_STYLES[box.status], box.status),
      box.expiresAt === undefined ? "" : dateText(box.expiresAt),
      String(box.depositCount),
      bytesText(box.bytes),
    ]);
    for (const line of rows.length === 0 ? [] : columns([HEADING, ...rows])) terminal.print(line);
    const what = archived ? "archived drop-box" : "drop-box";
    terminal.note(`${counted(boxes.length, what, `${what}es`)}.`);
  },
};
