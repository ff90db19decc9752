import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { makeFolder } from "../../core/make-folder.js";
import { systemCode } from "../../config/system-error.js";
import { collect } from "../../core/collect.js";
import { CoffreError } from "../../core/errors.js";
import { safeFileName } from "../../core/file-name.js";
import type { StoredFile, Vault } from "../../vault/port.js";
import { BOX_ARGUMENT, bytesText, counted, findTypedBox } from "../boxes.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { checkWritable, makeFolderOf, writePrivateContent } from "../output-file.js";
import { printable } from "../terminal.js";

/** A file that was asked for, and where it goes. */
interface Wanted {
  file: StoredFile;
  path: string;
}

/** What became of it: written now, or there before with the same content. */
interface Fetched extends Wanted {
  already: boolean;
}

export const boxDownload: CommandDefinition = {
  name: "box download",
  summary: "download what was deposited in a drop-box, proven by its SHA-256",
  description: [
    "Downloads files of submitted deposits, all of them unless some are named. Each deposit gets a folder of its own below --to, by its id, so that two files of one name don't meet. --output writes one file to a path of yours.",
    "A file is written under another name first, with mode 0600, compared with the SHA-256 that the vault took when it was whole, and then renamed: what stands at the path is what was deposited, or isn't there. One that is there already with the same content isn't fetched again, so that an interrupted download is gone on with by the same command; one with another content is left, unless --force is given.",
    "Every download is an event of the box, and told to its managers where it says so. Files in quarantine are left out with a note.",
  ],
  arguments: [
    BOX_ARGUMENT,
    { name: "[file...]", description: "only these files, by name or id; of a name, the newest deposit's" },
  ],
  options: [
    {
      flags: "--to <folder>",
      description: "where the folders of the deposits are made; the current folder if it isn't given",
    },
    { flags: "--output <path>", description: "where the one file goes that is named" },
    { flags: "--deposit <id>", description: "only files of this deposit" },
    { flags: "--force", description: "write over a file that is there with another content" },
  ],
  examples: [
    { command: "coffre box download Partners/acme --to in", does: "everything that isn't there yet" },
    { command: "coffre box download Partners/acme tls.crt --output acme.crt", does: "the newest certificate" },
  ],
  json: "An array of objects: `depositId`, `fileId`, `name`, `path` (where it was written, absolute), `size`, `sha256` and `already` (true if it was there).",
  exits: [{ code: 5, when: "a file with another content stands where one would be written, or one isn't ready" }],
  async run(context, { args: [text = "", ...names], options }) {
    const { terminal } = context;
    const vault = await context.vault();
    const box = await findTypedBox(vault, text);
    const { deposit, output } = options;
    const to = typeof output === "string" ? undefined : folderIn(options["to"]);
    const files = await readyFiles(context, vault, box.id, typeof deposit === "string" ? deposit : undefined);
    const chosen = names.length === 0 ? files.filter(isReady) : names.map((name) => chooseFile(files, name));
    const wanted = placeFiles(chosen, { to, output });
    const fetched: Fetched[] = [];
    for (const one of wanted) {
      fetched.push(await fetchFile(context, vault, one, { to, force: options["force"] === true }));
    }
    if (context.json) {
      terminal.json(fetched.map(shape));
      return;
    }
    for (const { path, file, already } of fetched) {
      terminal.print(
        `${printable(path)}  ${bytesText(file.size ?? 0)}  ${file.sha256 ?? ""}${already ? "  (there already)" : ""}`,
      );
    }
    terminal.note(`${counted(fetched.length, "file")}, each with the content that was deposited.`);
  },
};

function folderIn(option: unknown): string {
  return typeof option === "string" ? option : ".";
}

/** Whole files of submitted deposits, oldest first. */
async function readyFiles(
  { terminal }: CommandContext,
  vault: Vault,
  boxId: string,
  depositId: string | undefined,
): Promise<StoredFile[]> {
  const deposits = (await collect(vault.boxes.listDeposits(boxId))).filter(
    ({ id, submittedAt }) => submittedAt !== undefined && (depositId === undefined || id === depositId),
  );
  if (depositId !== undefined && deposits.length === 0) {
    throw new CoffreError("NOT_FOUND", `There is no submitted deposit ${printable(depositId)} in this box`, {
      hint: "`coffre box deposits` lists them.",
    });
  }
  const files = deposits.flatMap((one) => one.files);
  const waiting = files.filter(({ state }) => state === "quarantine").length;
  if (waiting > 0)
    terminal.warn(`${counted(waiting, "file")} in quarantine left out: the scanner hasn't said that it is clean.`);
  return files;
}

function isReady({ state }: StoredFile): boolean {
  return state === "ready";
}

/** The file of this id, or the newest of this name; one that isn't ready only if there is no other. @throws CoffreError NOT_FOUND */
function chooseFile(files: readonly StoredFile[], text: string): StoredFile {
  const matching = files.filter(({ id, name }) => id === text || name === text);
  const found = matching.findLast(isReady) ?? matching.at(-1);
  if (found) return found;
  throw new CoffreError("NOT_FOUND", `There is no file ${printable(text)} in a submitted deposit of this box`, {
    hint: "`coffre box deposits` lists them.",
  });
}

/** @throws CoffreError INVALID_INPUT for several files and one path */
function placeFiles(
  files: readonly StoredFile[],
  { to = ".", output }: { to: string | undefined; output: unknown },
): Wanted[] {
  const once = [...new Map(files.map((file) => [file.id, file])).values()];
  if (typeof output !== "string") {
    // Names are safe as the vault makes them; those that a server answers are made so again.
    const placeOf = ({ depositId, name }: StoredFile) => join(to, safeFileName(depositId), safeFileName(name));
    return once.map((file) => ({ file, path: resolve(placeOf(file)) }));
  }
  const [file, second] = once;
  if (file && !second) return [{ file, path: resolve(output) }];
  throw new CoffreError("INVALID_INPUT", `--output is the path of one file, and these are ${once.length}`, {
    hint: "Name the one that is wanted, or give --to, a folder.",
  });
}

async function fetchFile(
  context: CommandContext,
  vault: Vault,
  wanted: Wanted,
  { to, force }: { to: string | undefined; force: boolean },
): Promise<Fetched> {
  const { file, path } = wanted;
  if (context.signal.aborted) throw interrupted();
  const there = await hashOf(path);
  if (there !== undefined && there === file.sha256) return { ...wanted, already: true };
  if (there !== undefined && !force) {
    throw new CoffreError("CONFLICT", `Another file stands at ${path}`, {
      hint: "Move it away, choose another place, or write over it with --force.",
    });
  }
  makePlace(wanted, to);
  await checkWritable(path); // before it counts as downloaded
  const { file: stored, content } = await vault.boxes.files.read(file.id);
  const { size = 0, sha256 = "" } = stored;
  await writePrivateContent(path, untilStopped(content, context.signal), { size, sha256 }, (written) =>
    context.terminal.status(`${printable(file.name)}  ${bytesText(written)} of ${bytesText(size)}`),
  );
  context.terminal.clearStatus();
  return { ...wanted, file: stored, already: false };
}

/** Makes the folder that a file goes to. @param to the folder of the option, where the path is made from it @throws CoffreError READ_ONLY */
function makePlace({ path }: Wanted, to: string | undefined): void {
  if (to === undefined) return makeFolderOf(path);
  try {
    makeFolder(dirname(path));
  } catch (error) {
    throw new CoffreError("READ_ONLY", `No folder can be made below --to ${printable(to)} (${systemCode(error)})`, {
      hint: "Give --to a folder that you may write.",
    });
  }
}

async function* untilStopped(content: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncIterable<Uint8Array> {
  for await (const bytes of content) {
    if (signal.aborted) throw interrupted();
    yield bytes;
  }
}

function interrupted(): CoffreError {
  return new CoffreError("INTERRUPTED", "The download was interrupted", {
    hint: "What stands there is whole; the same command goes on.",
  });
}

/** SHA-256 of a file, hex; `undefined` if there is none. */
async function hashOf(path: string): Promise<string | undefined> {
  const there = await stat(path).catch(() => undefined);
  if (!there?.isFile()) return undefined;
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return hash.digest("hex");
}

function shape({ file, path, already }: Fetched) {
  const { depositId, id, name, size, sha256 } = file;
  return { depositId, fileId: id, name, path, size: size ?? null, sha256: sha256 ?? null, already };
}
