import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { systemCode } from "../config/system-error.js";
import { CoffreError } from "../core/errors.js";
import { checkFieldValue, type FieldType, fileValue, LARGEST_BYTES, textValue, tooLarge } from "../core/field.js";
import type { Secret } from "../core/secret.js";
import { askHidden, askNewHidden } from "./prompt.js";
import type { Terminal } from "./terminal.js";

/** A value that a command waits for. */
export interface Wanted {
  /** What it is for, for the question: `Partners/mail-api`. */
  label: string;
  type: FieldType;
  /** A file that has it; without one it comes from stdin, or is asked for. */
  file?: string;
}

/**
 * Takes a value from a file, from stdin, or from a person who types it without seeing it; never from an argument.
 * @returns the value, checked as a field's of its type
 * @throws CoffreError INVALID_INPUT that says nothing of the value; INTERRUPTED on Ctrl-C
 */
export async function bringValue(terminal: Terminal, { label, type, file }: Wanted): Promise<Secret> {
  if (file !== undefined) return fromFile(file, type);
  if (!process.stdin.isTTY) {
    return fromBytes("The value on stdin", type, await readUpTo(process.stdin, "The value on stdin", type));
  }
  if (type === "file") {
    throw new CoffreError("INVALID_INPUT", "A file's bytes can't be typed", {
      hint: "Name the file with --file, or give it on stdin.",
    });
  }
  if (!terminal.canAsk) {
    throw new CoffreError("INVALID_INPUT", "There is no terminal to ask on: stderr leads elsewhere", {
      hint: "Give the value on stdin, or name a file with --file.",
    });
  }
  const question = `New value of ${label}: `;
  // A seed that was mistyped is found by its form, and is tedious to type.
  const typed = await (type === "totp" ? askHidden(question) : askNewHidden(question));
  return checkFieldValue("The value", type, typed);
}

async function fromFile(path: string, type: FieldType): Promise<Secret> {
  const what = `The file ${path}`;
  try {
    const { size } = await stat(path);
    if (size > LARGEST_BYTES[type]) throw tooLarge(what, type);
    return fromBytes(what, type, await readUpTo(createReadStream(path), what, type));
  } catch (error) {
    if (error instanceof CoffreError) throw error;
    const code = systemCode(error);
    const problem = code === "ENOENT" ? "doesn't exist" : code === "EISDIR" ? "is a folder" : `can't be read (${code})`;
    throw new CoffreError("INVALID_INPUT", `${what} ${problem}`);
  }
}

function fromBytes(what: string, type: FieldType, bytes: Buffer): Secret {
  return checkFieldValue(what, type, type === "file" ? fileValue(bytes) : textValue(what, bytes));
}

/** A pipe says how long it is only at its end; what is too long is refused before that. */
async function readUpTo(stream: AsyncIterable<Buffer>, what: string, type: FieldType): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // One more for the line end, which isn't the value's.
  const largest = LARGEST_BYTES[type] + (type === "file" ? 0 : 2);
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > largest) throw tooLarge(what, type);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
