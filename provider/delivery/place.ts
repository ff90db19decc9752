import { CoffreError } from "../core/errors.js";

/** Where in a file something stands. Lines and columns count from 1, columns in characters. */
export interface Place {
  /** As it was named by whoever asked. */
  file: string;
  line: number;
  column: number;
}

/** `refs.env:3:10`. */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** Where an offset of a text is, for messages. */
export function placeAt(file: string, text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { file, line: before.split("\n").length, column: [...before.slice(lineStart)].length + 1 };
}

/** @param problem the end of a sentence that begins with the place; nothing of what stands there */
export function refusedAt(place: Place, problem: string, hint: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `${placeText(place)}: ${problem}`, { hint, details: detailsOf(place) });
}

/** What went wrong at a place. */
export interface PlacedFailure {
  place: Place;
  error: CoffreError;
}

const MOST_NAMED = 10;

/**
 * One error for all that went wrong: the first with its code, the others by place in the hint, so that a person mends them in
 * one go.
 */
export function failureOf([first, ...others]: readonly [PlacedFailure, ...PlacedFailure[]]): CoffreError {
  const { error, place } = first;
  const also = others.slice(0, MOST_NAMED).map((one) => `\n  ${placeText(one.place)}: ${one.error.problem}.`);
  const more = others.length > MOST_NAMED ? `\n  And ${others.length - MOST_NAMED} more.` : "";
  return new CoffreError(error.code, `${placeText(place)}: ${error.problem}`, {
    hint: `${error.hint ?? "Nothing was started or written."}${also.join("")}${more}`,
    details: { ...error.details, ...detailsOf(place), failures: others.length + 1 },
  });
}

function detailsOf({ file, line, column }: Place): Record<string, string | number> {
  return { file, line, column };
}
