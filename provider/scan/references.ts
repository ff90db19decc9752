import { isCoffreError } from "../core/errors.js";
import { parseReference, type Reference } from "../core/reference.js";

/** A reference that stands somewhere in a file, or what is wrong with what looks like one. */
export type FoundReference = { line: number; column: number } & ({ reference: Reference } | { problem: string });

const SCHEME = "coffre://";
const ANY = /(?<![A-Za-z0-9+.-])coffre:\/\//g;
const VARIABLE = /^[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*$/;
const TEMPLATE = /\{\{[ \t]*$/;
const BARE = /^[^\s"'`<>|\\^{}()[\],;$*]+/;
const NOT_CLOSED = "The reference isn't closed: }} is missing in its line";

/**
 * Every reference of a text, as `coffre run` and `coffre inject` read it: a variable's value to the end of its line, between
 * `{{` and `}}`, in quotes; elsewhere up to the next space, quote or bracket. What another program is yet to fill in
 * (`coffre://<vault>/…`, `coffre://${vault}/…`) is none.
 */
export function referencesIn(text: string): FoundReference[] {
  if (!text.includes(SCHEME)) return [];
  return text.split("\n").flatMap((line, index) =>
    [...line.matchAll(ANY)].flatMap(({ index: at }): FoundReference[] => {
      const place = { line: index + 1, column: [...line.slice(0, at)].length + 1 };
      const written = writtenAt(line.replace(/\r$/, ""), at);
      if (written === undefined) return [{ ...place, problem: NOT_CLOSED }];
      if (written === SCHEME || /[<>{}$*…]|\.\.\./.test(written)) return [];
      try {
        return [{ ...place, reference: parseReference(written) }];
      } catch (error) {
        if (!isCoffreError(error)) throw error;
        return [{ ...place, problem: error.problem }];
      }
    }),
  );
}

/** The reference's text; `undefined` for one in a template whose braces aren't closed. */
function writtenAt(line: string, at: number): string | undefined {
  const before = line.slice(0, at);
  const rest = line.slice(at);
  if (TEMPLATE.test(before)) {
    const end = rest.indexOf("}}");
    return end < 0 ? undefined : (rest.slice(0, end).split("|")[0] ?? "").trim();
  }
  const quote = before.at(-1);
  if (quote === "'" || quote === '"' || quote === "`") {
    const end = rest.indexOf(quote);
    if (end >= 0) return rest.slice(0, end).replace(/\\$/, "");
  }
  if (VARIABLE.test(before)) return rest.replace(/[ \t]#.*$/, "").trim();
  const bare = BARE.exec(rest)?.[0] ?? "";
  // What goes on with such a sign is filled in by somebody else.
  return /[<{$*]/.test(rest[bare.length] ?? "") ? SCHEME : bare.replace(/[.,:;!?]+$/, "");
}
