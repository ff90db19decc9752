import { BOX_ARGUMENT, boxShape, BOX_KEYS, findTypedBox } from "../boxes.js";
import type { CommandDefinition } from "../definition.js";
import { pathText } from "../describe.js";

export const boxClose: CommandDefinition = {
  name: "box close",
  summary: "close a drop-box to its recipients, or archive it",
  description: [
    "Closes a drop-box: nothing more can be deposited, uploads that are under way stop, and what was deposited stays. What has come of such an upload is kept for a week, and goes on if the box is opened again. A manager opens it again on its page, or a program by `enabled: true`.",
    "With --archive it also leaves the list and gives its name free; that isn't taken back. What was deposited stays readable by its id. Closed or archived already is a success.",
    "A box that a Pulumi stack made: a close stays as long as its program doesn't declare `enabled`, and an archived one is named by the next `pulumi up`.",
  ],
  arguments: [BOX_ARGUMENT],
  options: [{ flags: "--archive", description: "take it out of the list as well" }],
  examples: [
    { command: "coffre box close Partners/acme", does: "no more deposits" },
    { command: "coffre box close --archive Partners/acme", does: "the same, and out of the list" },
  ],
  json: `The box as it is then, an object: ${BOX_KEYS}`,
  async run(context, { args: [text = ""], options }) {
    const { terminal } = context;
    const { boxes } = await context.vault();
    const box = await findTypedBox(await context.vault(), text);
    const archives = options["archive"] === true;
    if (archives) await boxes.archiveBox(box.id, {});
    else if (box.enabled) await boxes.updateBox(box.id, { enabled: false });
    const after = await boxes.readBox(box.id);
    if (context.json) terminal.json(boxShape(after));
    else terminal.print(`${pathText(after)} is ${archives ? "archived" : "closed"}.`);
  },
};
