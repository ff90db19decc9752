import { once } from "node:events";
import { CoffreError } from "../core/errors.js";
import { Secret } from "../core/secret.js";

/** The longest value that is taken: one megabyte would be a file, not a password. */
const LONGEST_BYTES = 65_536;

/**
 * Asks for a value on the terminal, without showing it. The question goes to stderr.
 * @throws CoffreError INTERRUPTED on Ctrl-C or the end of input
 */
export async function askHidden(question: string): Promise<Secret> {
  const { stdin, stderr } = process;
  stdin.setRawMode(true); // before the question: whoever answers at once isn't shown either
  stderr.write(question);
  stdin.setEncoding("utf8");
  stdin.resume();
  const typed: string[] = [];
  try {
    for (;;) {
      // With an encoding set, a terminal's data is text.
      const [chunk] = (await once(stdin, "data")) as [string];
      if (chunk.startsWith("\u001b")) continue; // an arrow or function key
      for (const key of chunk) {
        if (key === "\r" || key === "\n") return new Secret(typed.join(""));
        if (key === "\u0003" || key === "\u0004") throw interrupted();
        if (key === "\u007f" || key === "\b") typed.pop();
        else if (key === "\u0015") typed.length = 0;
        else if (key >= " ") typed.push(key);
      }
    }
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}

/** Asks twice, since nobody saw what was typed. @throws CoffreError INVALID_INPUT if the two differ or are empty */
export async function askNewHidden(question: string): Promise<Secret> {
  const first = await askHidden(question);
  if (first.reveal() === "") throw new CoffreError("INVALID_INPUT", "Nothing was typed");
  const second = await askHidden("The same again: ");
  if (first.reveal() !== second.reveal()) throw new CoffreError("INVALID_INPUT", "The two entries differ");
  return first;
}

/** Asks for a yes on the terminal; anything else is a no. @throws CoffreError INTERRUPTED */
export async function askYes(question: string): Promise<boolean> {
  const answer = await askHidden(`${question} Type yes: `);
  return answer.reveal().trim().toLowerCase() === "yes";
}

/** All of stdin as one value; one line end at its end is the shell's, not the value's. @throws CoffreError INVALID_INPUT */
export async function readHiddenInput(): Promise<Secret> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_BYTES) {
      throw new CoffreError("INVALID_INPUT", `The value is longer than ${LONGEST_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return decodeValue(Buffer.concat(chunks));
}

/** @throws CoffreError INVALID_INPUT for what can't be a password */
function decodeValue(bytes: Buffer): Secret {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new CoffreError("INVALID_INPUT", "The value isn't UTF-8 text", { cause: error });
  }
  const value = text.replace(/\r?\n$/, "");
  if (value === "") throw new CoffreError("INVALID_INPUT", "The value on stdin is empty");
  if (value.includes("\0")) throw new CoffreError("INVALID_INPUT", "The value has a NUL character");
  return new Secret(value);
}

function interrupted(): CoffreError {
  return new CoffreError("INTERRUPTED", "Nothing was given, and nothing was changed");
}
