import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { readWanted, type WantedValue } from "../../delivery/read-wanted.js";
import { parseTemplate, renderTemplate } from "../../delivery/template.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { checkWritable, writePrivateFile } from "../output-file.js";
import { warnOfStatus } from "../status-warning.js";
import { readTextFile } from "../text-file.js";
import { printable } from "../terminal.js";

/** What stands for stdout in the place of a file. */
const STDOUT = "-";

export const inject: CommandDefinition = {
  name: "inject",
  summary: "write a file from a template, with values in the place of its references",
  description: [
    "Puts the value in the place of each `{{ coffre://<vault>/<path> }}` of a template; all other text stays as it is, the braces of Jinja, Helm or GitHub Actions included. The file is written as a whole or not at all, mode 0600, whatever was there before; if one reference can't be read, or one value can't be written as its filter says, nothing is.",
    "A value is written as it is unless a filter says how: `{{ coffre://prod/Databases/orders-app | yaml }}`. `yaml` and `json` write a text with its quotes; `shell` one word for a POSIX shell; `dotenv` what shells, Node and the dotenv libraries read alike, or refuses; `jinja` an expression that renders as the value, so that braces in it are none of Jinja's; `url` a part of a URL; `base64` its bytes, as a Kubernetes Secret has them. Filters can follow each other: `| base64 | json`.",
    "The file has the values in clear, for whoever may read it: the owner, and root. Give it a folder in memory where there is one (`/run`, `/dev/shm`), and keep it out of backups.",
  ],
  options: [
    { flags: "-i, --input <file>", description: "the template" },
    { flags: "-o, --output <file>", description: "the file to write, mode 0600; - is stdout, into a pipe" },
  ],
  examples: [
    { command: "coffre inject -i app.conf.tpl -o /srv/app/app.conf", does: "a program's configuration" },
    {
      command: "coffre inject -i secret.yaml.tpl -o - | kubectl apply -f -",
      does: "a Kubernetes Secret, without a file",
    },
  ],
  json: "An object: `file` and `references` (how many were written). With `-o -` nothing of its own.",
  exits: [
    { code: 1, when: "the file can't be written; nothing is left of it" },
    { code: 2, when: "the template is wrong at the line and column that are named" },
    { code: 3, when: "there is no such credential, field or version; nothing was written" },
    { code: 4, when: "one of them may not be read; nothing was written" },
  ],
  async run(context, { options }) {
    const { terminal } = context;
    const { input, output } = filesOf(options);
    const text = readTextFile(input);
    const parts = parseTemplate(text, input);
    const wanted = parts.flatMap((part): WantedValue[] => ("text" in part ? [] : [part]));
    if (output === STDOUT) refuseTerminal();
    else {
      await refuseTemplate(input, output);
      await checkWritable(resolve(output));
    }
    const values = await context.interruptible(async () =>
      readWanted({ ...(await context.namedVault()), clock: context.clock }, wanted),
    );
    for (const { answer } of values) warnOfStatus(context, answer);
    if (wanted.length === 0 && /coffre:\/\//i.test(text)) {
      terminal.warn(`${printable(input)} names coffre:// and has no {{ coffre://… }}: nothing was put in its place.`);
    }
    const bytes = renderTemplate(parts, values);
    if (output === STDOUT) {
      terminal.write(bytes);
      return;
    }
    await writePrivateFile(resolve(output), bytes);
    if (context.json) terminal.json({ file: resolve(output), references: wanted.length });
    else
      terminal.note(
        `Written: ${printable(output)}, with ${String(wanted.length)} ${wanted.length === 1 ? "value" : "values"}.`,
      );
  },
};

function filesOf({ input, output }: CommandInput["options"]): { input: string; output: string } {
  if (typeof input === "string" && typeof output === "string") return { input, output };
  const missing = typeof input === "string" ? "--output" : "--input";
  throw new CoffreError("INVALID_INPUT", `${missing} is missing`, {
    hint: "A template is read and a file is written: `coffre inject -i app.conf.tpl -o app.conf`.",
  });
}

/** @throws CoffreError INVALID_INPUT where the values would stand in the template's place, which mostly is in Git */
async function refuseTemplate(...paths: [input: string, output: string]): Promise<void> {
  const [template, there] = await Promise.all(paths.map((path) => stat(path, { bigint: true }).catch(() => undefined)));
  if (!template || !there || template.dev !== there.dev || template.ino !== there.ino) return;
  throw new CoffreError("INVALID_INPUT", "The file to write is the template itself", {
    hint: "Name another --output: the values would stand where the references are kept.",
  });
}

/** @throws CoffreError INVALID_INPUT where a person would see the values */
function refuseTerminal(): void {
  if (!process.stdout.isTTY) return;
  throw new CoffreError("INVALID_INPUT", "Values aren't written to a terminal", {
    hint: "Name a file, or pipe the output into the program that takes it.",
  });
}
