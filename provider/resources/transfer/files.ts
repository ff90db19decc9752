import { basename } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { safeFileName } from "../../core/file-name.js";
import { digestFile, outgoingFile, type OutgoingFile, refuseSameName } from "../../vault/send-files.js";
import { hasUnknown, type Properties } from "../values.js";
import { DeclaredFile, type TransferInputs } from "./schema.js";

/** What encryption adds to a name. */
const SEALED = ".age";

/**
 * Adds to declared files what they are now, and by which name receivers see them: each is read once, for its SHA-256. One that
 * was sent and isn't there any more stays what it was. @param olds the inputs of the state; empty for a new transfer
 * @throws CoffreError INVALID_INPUT for what is no file, a name that receivers wouldn't see, or two of one name
 */
export async function lookAtFiles(olds: Properties, inputs: Record<string, unknown>): Promise<void> {
  if (hasUnknown(inputs["files"])) return;
  const known = filesOf(olds["files"]);
  const isSealed = inputs["endToEnd"] === true;
  const looked: (DeclaredFile & { name: string })[] = [];
  for (const [index, { path, name }] of filesOf(inputs["files"]).entries()) {
    const seen = seenName(name ?? basename(path), isSealed);
    if (name !== undefined && seen !== name.normalize("NFC")) throw otherwiseSeen(index, seen);
    looked.push({ ...(await lookAt(path, seen, known)), name: seen });
  }
  refuseSameName(looked);
  inputs["files"] = looked;
}

/** Declared files as they are sent. @throws CoffreError INVALID_INPUT for one that isn't there */
export function filesToSend({ files }: TransferInputs): OutgoingFile[] {
  return files.map(({ path, name, sha256 }) => ({
    ...outgoingFile(path, name),
    ...(sha256 === undefined ? {} : { sha256 }),
  }));
}

/** Whether two declarations send the same: names and contents, wherever they lie. */
export function sameFiles(before: unknown, after: unknown): boolean {
  // A state may have a name as it was given.
  const shown = (files: unknown) =>
    JSON.stringify(filesOf(files).map(({ path, name = path, sha256 }) => [seenName(name, false), sha256]));
  return !hasUnknown(after) && shown(before) === shown(after);
}

/** @param name as receivers see it */
async function lookAt(path: string, name: string, known: readonly DeclaredFile[]): Promise<DeclaredFile> {
  try {
    return await digestFile(outgoingFile(path, name));
  } catch (error) {
    const sent = known.find((file) => file.path === path && seenName(file.name ?? path, false) === name);
    if (sent) return sent;
    throw error;
  }
}

/** A file's name as the vault keeps it and its page shows it. */
function seenName(name: string, isSealed: boolean): string {
  return isSealed ? safeFileName(name + SEALED).slice(0, -SEALED.length) : safeFileName(name);
}

/** Somebody wrote the name down to have it seen. The file's own, which nobody chose for this, is made safe instead. */
function otherwiseSeen(index: number, seen: string): CoffreError {
  const field = `files.${index}.name`;
  return new CoffreError("INVALID_INPUT", `${field}: receivers would see ${JSON.stringify(seen)}`, {
    hint: "Give a name of at most 200 bytes that every system takes: no path, nothing that can't be seen, none of % : * ? \" < > |.",
    details: { field },
  });
}

function filesOf(value: unknown): DeclaredFile[] {
  return Array.isArray(value) ? value.flatMap((file) => DeclaredFile.safeParse(file).data ?? []) : [];
}
