import { LONGEST_COMPARED, SHORTEST_COMPARED } from "../core/value-digest.js";

/** Told of each text that may be a value, with its line, from 1; of one line the same text may come several times. */
export type Told = (text: string, line: number) => void;

/** Before and behind these a value may begin and end within a word: `PASSWORD=…;`, `user:…@host`, `<password>…<`. */
const BEGINS = new Set("=:/@,;([{<>|&?#");
const ENDS = new Set("@,;)]}<>|&/?#:=");
/** From one beginning so many ends are tried, so that a long word costs no more than its length. */
const MOST_ENDS = 4;
/** A longer line is no value, nor is the end of a longer word. Characters. */
const LONGEST_LINE = 512;
/** How single quotes stand within single quotes, behind the first of them: doubled as in YAML, or put between as shells have it. */
const QUOTE_WITHIN = ["'", "\\''", `"'"'`];
/** In a longer line no words with backslashes are looked for. Characters: the pattern takes memory for each. */
const LONGEST_ESCAPED = 65_536;
/** A word in which backslashes stand before spaces and quotes. */
const ESCAPED_WORD = /(?:[^\s"'`\\]|\\.)+/g;
const AFTER_SIGN = /[=:][ \t]*/;

/**
 * The texts of a file that may be values: whole lines, what stands behind the first `=` or `:` of a line, what stands in quotes,
 * words, and parts of words between signs. Each is trimmed.
 * @param seen words whose parts were told before: the same ones of other files aren't told again. Without it all are
 */
export function tellCandidates(text: string, told: Told, seen?: Set<string>): void {
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    if (line.length < SHORTEST_COMPARED) continue;
    const tell = (candidate: string) => {
      if (candidate.length >= SHORTEST_COMPARED && candidate.length <= LONGEST_COMPARED) told(candidate, number);
    };
    if (line.length <= LONGEST_LINE) tell(line.trim());
    const sign = AFTER_SIGN.exec(line);
    if (sign) tell(unquoted(line.slice(sign.index + sign[0].length).trim()));
    if (/["'`]/.test(line)) tellQuoted(line, closedByBackslashes, tell);
    if (line.includes("''") || line.includes(`'"'"'`)) tellQuoted(line, closedByQuotes, tell);
    const escaped = line.includes("\\") && line.length <= LONGEST_ESCAPED ? (line.match(ESCAPED_WORD) ?? []) : [];
    for (const words of [line.split(/[\s"'`]+/), escaped]) {
      for (const word of words) {
        if (word.length < SHORTEST_COMPARED || seen?.has(word) === true) continue;
        seen?.add(word);
        tellParts(word, tell);
      }
    }
  }
}

/** @param closing finds where what begins at a quotation mark is closed; -1 if nowhere, and then for all later ones of its kind */
function tellQuoted(
  line: string,
  closing: (line: string, begin: number) => number,
  tell: (candidate: string) => void,
): void {
  const open = new Set(['"', "'", "`"]);
  for (let at = 0; at < line.length; at += 1) {
    const mark = line[at] ?? "";
    if (!open.has(mark)) continue;
    const end = closing(line, at);
    if (end < 0) {
      open.delete(mark);
      continue;
    }
    tell(line.slice(at + 1, end));
    at = end;
  }
}

/** As JSON and programs have it: a mark behind a backslash is a part of the text. */
function closedByBackslashes(line: string, begin: number): number {
  for (let at = begin + 1; at < line.length; at += 1) {
    if (line[at] === "\\") at += 1;
    else if (line[at] === line[begin]) return at;
  }
  return -1;
}

/** As YAML and shells have single quotes. */
function closedByQuotes(line: string, begin: number): number {
  if (line[begin] !== "'") return closedByBackslashes(line, begin);
  for (let at = line.indexOf("'", begin + 1); at >= 0; at = line.indexOf("'", at + 1)) {
    const within = QUOTE_WITHIN.find((one) => line.startsWith(one, at + 1));
    if (within === undefined) return at;
    at += within.length;
  }
  return -1;
}

/** `'…',` as YAML, JSON and programs have it at a line's end. */
function unquoted(rest: string): string {
  return rest.replace(/[,;]$/, "").replace(/^(["'`])(.*)\1$/, "$2");
}

function tellParts(word: string, tell: (candidate: string) => void): void {
  const begins = [0];
  const ends: number[] = [];
  for (let at = 0; at < word.length; at += 1) {
    const sign = word[at] ?? "";
    if (BEGINS.has(sign)) begins.push(at + 1);
    if (ENDS.has(sign)) ends.push(at);
  }
  ends.push(word.length);
  let next = 0;
  for (const begin of begins) {
    while ((ends[next] ?? Infinity) < begin + SHORTEST_COMPARED) next += 1;
    for (const end of ends.slice(next, next + MOST_ENDS)) tell(word.slice(begin, end));
    const rest = word.length - begin;
    if (ends.length - next > MOST_ENDS && rest <= LONGEST_LINE) tell(word.slice(begin));
  }
}
