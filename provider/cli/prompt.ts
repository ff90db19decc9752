import { once } from "node:events";
import { CoffreError } from "../core/errors.js";
import { Secret } from "../core/secret.js";

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

function interrupted(): CoffreError {
  return new CoffreError("INTERRUPTED", "Nothing was given, and nothing was changed");
}
