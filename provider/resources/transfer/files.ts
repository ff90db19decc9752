import { digestFile, outgoingFile, type OutgoingFile, refuseSameName } from "../../vault/send-files.js";
import { hasUnknown, type Properties } from "../values.js";
import { DeclaredFile, type TransferInputs } from "./schema.js";

/**
 * Adds to declared files what they are now: each is read once, for its SHA-256. One that was sent and isn't there any more stays
 * what it was. @param olds the inputs of the state; empty for a new transfer
 * @throws CoffreError INVALID_INPUT for what is no file, or two of one name
 */
export async function lookAtFiles(olds: Properties, inputs: Record<string, unknown>): Promise<void> {
  if (hasUnknown(inputs["files"])) return;
  const known = filesOf(olds["files"]);
  const looked: DeclaredFile[] = [];
  for (const declared of filesOf(inputs["files"])) looked.push(await lookAt(declared, known));
  refuseSameName(looked.map(({ path, name = path }) => ({ name })));
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
  const shown = (files: unknown) => JSON.stringify(filesOf(files).map(({ name, sha256 }) => [name, sha256]));
  return !hasUnknown(after) && shown(before) === shown(after);
}

async function lookAt({ path, name }: DeclaredFile, known: readonly DeclaredFile[]): Promise<DeclaredFile> {
  try {
    return await digestFile(outgoingFile(path, name));
  } catch (error) {
    const sent = known.find((file) => file.path === path && (name === undefined || file.name === name));
    if (sent) return sent;
    throw error;
  }
}

function filesOf(value: unknown): DeclaredFile[] {
  return Array.isArray(value) ? value.flatMap((file) => DeclaredFile.safeParse(file).data ?? []) : [];
}
