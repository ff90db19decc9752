import { CoffreError } from "../../core/errors.js";
import { type BoxMinutes, readBoxMinutes } from "../../vault/box-minutes.js";
import { entryShape, MINUTES_WORDS, minutesDetails, minutesFileText } from "../box-minutes-text.js";
import { BOX_ARGUMENT, boxShape, findTypedBox } from "../boxes.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { dateText, pathText } from "../describe.js";
import { writePrivateFile } from "../output-file.js";
import { printable } from "../terminal.js";

export const boxMinutes: CommandDefinition = {
  name: "box minutes",
  summary: "write the record of a drop-box: who deposited, downloaded and closed what, when",
  description: [
    "Writes the minutes of a drop-box from the vault's log: who was let in and until when, who signed in and for whom wrong codes were entered, who deposited which files with their SHA-256, who downloaded them, what the scanner said, which mail left and to whom, and how it was closed. They hold no content and no secret, and last as long as the log, also of files that are gone.",
    "--format says how: `text` for the eye, `json`, or `html`, one file without script that can be kept, printed or sent. An archived box is named by its id.",
  ],
  arguments: [BOX_ARGUMENT],
  options: [
    { flags: "--format <format>", description: "text, json or html; text if it isn't given" },
    { flags: "--output <path>", description: "write it to this file, mode 0600, in place of standard output" },
  ],
  examples: [
    { command: "coffre box minutes Partners/acme", does: "what happened, oldest first" },
    { command: "coffre box minutes --format html --output acme.html Partners/acme", does: "a record to keep" },
  ],
  json: "An object: `box`, as `coffre box show --json` shows it, and `entries`: `seq`, `at`, `what` (opened, changed, closed, reopened, archived, signed-in, code-refused, deposited, deposit-deleted, downloaded, file-deleted, file-cleared, file-refused, mail-sent, mail-failed, mail-expired, mail-retried), `by`, `files` (`id`, `name`, `size`, `sha256`) and `detail`. What is absent is `null`. With --output nothing is printed.",
  async run(context, { args: [text = ""], options }) {
    const format = parseFormat(context, options["format"]);
    const vault = await context.vault();
    const minutes = await readBoxMinutes(vault, (await findTypedBox(vault, text)).id);
    const written = await render(context, minutes, format);
    const { output } = options;
    if (typeof output === "string") await writePrivateFile(output, Buffer.from(written));
    else context.terminal.write(written);
  },
};

const FORMATS = ["text", "json", "html"] as const;
type Format = (typeof FORMATS)[number];

/** @throws CoffreError INVALID_INPUT */
function parseFormat({ json }: CommandContext, option: unknown): Format {
  if (option === undefined) return json ? "json" : "text";
  const format = FORMATS.find((each) => each === option);
  if (format !== undefined && (!json || format === "json")) return format;
  const problem = format === undefined ? "--format takes text, json or html" : "--json and --format say two things";
  throw new CoffreError("INVALID_INPUT", problem, { hint: "Give one of them." });
}

async function render({ clock }: CommandContext, minutes: BoxMinutes, format: Format): Promise<string> {
  switch (format) {
    case "json": {
      const shape = { box: boxShape(minutes.box), entries: minutes.entries.map(entryShape) };
      return `${JSON.stringify(shape, undefined, 2)}\n`;
    }
    case "html": {
      const { minutesPage } = await import("../box-minutes-page.js");
      return minutesPage(minutes, clock.now());
    }
    case "text":
      return textOf(minutes);
  }
}

function textOf({ box, entries }: BoxMinutes): string {
  const lines = [`Minutes of ${pathText(box)} (${box.id}), ${box.status}`, ""];
  for (const entry of entries) {
    const { at, what, by, files = [] } = entry;
    const details = minutesDetails(entry).map(printable);
    const [only = "", second] = details;
    const beside = second === undefined && only !== "" ? [only] : [];
    lines.push([dateText(at), MINUTES_WORDS[what], `by ${printable(by)}`, ...beside].join("  "));
    if (beside.length === 0) for (const line of details) lines.push(`    ${line}`);
    for (const file of files) lines.push(`    ${printable(minutesFileText(file))}`);
  }
  return `${lines.join("\n")}\n`;
}
