import { CoffreError } from "../core/errors.js";

/** More than any request needs. */
const DEEPEST = 32;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs;

/**
 * Parses JSON as `JSON.parse` does, and refuses what two readers could understand differently or what only wears out a
 * reader: keys that come twice in one object, and more than 32 levels.
 * @throws CoffreError INVALID_INPUT that repeats nothing of the text
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused("isn't JSON, or was cut");
  }
  checkKeys(text);
  return value;
}

/** Of a text that is JSON. */
function checkKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let last: string | undefined;
  for (const [token] of text.matchAll(TOKEN)) {
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

function refused(problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `The request's body ${problem}`, {
    hint: "`/v1/openapi.json` describes every request.",
  });
}
