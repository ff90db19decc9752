import type { Brand } from "../html/brand.js";
import { formatBytes, type Language, type Locale, oneLine } from "../html/locale.js";
import type { Fact } from "./letter.js";
import type { MailedFile } from "./mails.js";
import type { LetterWords } from "./words-en.js";

/** How a server writes its mails. */
export interface LetterStyle {
  brand: Brand;
  /** Of mails to people whose language nobody knows. */
  language: Language;
  /** An IANA name: by whose clock times are written. */
  timeZone: string;
  /** The page of a drop-box, or of a deposit in it, for people; missing where none is shown. */
  pageOf?: (boxId: string, depositId?: string) => string;
  /** The page of a transfer, by what stands behind `/transfers/`; missing where none is shown. */
  transferPageOf?: (link: string) => string;
}

/** What one mail is written with. */
export interface LetterScope {
  style: LetterStyle;
  words: LetterWords;
  locale: Locale;
  /** Of the brand, as it stands among words. */
  name: string;
}

/** A line for each file, and one for its digest. */
export function fileFacts(files: readonly MailedFile[], { words, locale }: LetterScope): Fact[] {
  return files.flatMap(([name, bytes, sha256]): Fact[] => [
    [words.file, `${inSentence(name)} (${formatBytes(locale, bytes)})`],
    ["SHA-256", sha256],
  ]);
}

/** Where Unicode keeps room for scripts that are written from right to left, also for those to come (DerivedBidiClass.txt). */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A name as it stands among words: in one line, and what is around one from right to left stays where it is. Other names get no
 * marks, which would be copied and searched with them.
 */
export function inSentence(name: string): string {
  const line = oneLine(name);
  return RIGHT_TO_LEFT.test(line) ? `\u2068${line}\u2069` : line;
}
