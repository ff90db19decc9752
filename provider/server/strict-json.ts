import { CoffreError } from "../core/errors.js";

/** More than any request needs. */
const DEEPEST = 32;
const NEXT_SIGN = /["{}[\]:,]/g;

/**
 * Parses JSON as `JSON.parse` does, and refuses what two readers could understand differently or what only wears out a
 * reader: keys that come twice in one object, and more than 32 levels.
 * @throws CoffreError INVALID_INPUT that repeats nothing of the text
 */
export function parseStrictJson(text: string): unknown {
  try {
    // First: to parse megabytes of brackets takes seconds.
    checkKeys(text);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof CoffreError) throw error;
    throw refused("isn't JSON, or was cut");
  }
}

/** Of a text that may be JSON; what isn't, it may take for it. @throws CoffreError INVALID_INPUT; SyntaxError for a key that is no text */
function checkKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let last: string | undefined;
  for (const token of tokensOf(text)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : undefined);
      if (open.length > DEEPEST) throw refused(`has more than ${DEEPEST} levels`);
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ":" && last !== undefined) {
      const keys = open.at(-1);
      // An escape may write the same letter in another way.
      const key = last.includes("\\") ? String(JSON.parse(last)) : last.slice(1, -1);
      if (keys?.has(key)) throw refused("has a key twice in one object");
      keys?.add(key);
    }
    last = token.startsWith('"') ? token : undefined;
  }
}

/** Signs and texts. By hand, since a pattern for a text of many megabytes exhausts its stack. */
function* tokensOf(text: string): Iterable<string> {
  NEXT_SIGN.lastIndex = 0;
  for (let found = NEXT_SIGN.exec(text); found; found = NEXT_SIGN.exec(text)) {
    if (found[0] !== '"') {
      yield found[0];
      continue;
    }
    const end = endOfText(text, found.index);
    yield text.slice(found.index, end + 1);
    NEXT_SIGN.lastIndex = end + 1;
  }
}

/**
 * Where the text that begins at `start` has its closing quotation mark: the first with an even number of backslashes before it.
 * The end of all where there is none.
 */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

function refused(problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `The request's body ${problem}`, {
    hint: "`/v1/openapi.json` describes every request.",
  });
}
