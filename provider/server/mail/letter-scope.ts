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
  /** The page of a drop-box, for people; missing where none is shown. */
  pageOf?: (boxId: string) => string;
  /** The page of a transfer, by what stands behind `/transfers/`; missing where none is shown. */
  transferPageOf?: (link: string) => string;
}

/** What one mail is written with. */
export interface LetterScope {
  style: LetterStyle;
  words: LetterWords;
  locale: Locale;
  /** Of the brand, in one line. */
  name: string;
}

/** A line for each file, and one for its digest. */
export function fileFacts(files: readonly MailedFile[], { words, locale }: LetterScope): Fact[] {
  return files.flatMap(([name, bytes, sha256]): Fact[] => [
    [words.file, `${isolated(oneLine(name))} (${formatBytes(locale, bytes)})`],
    ["SHA-256", sha256],
  ]);
}

/** What follows a name that is written from right to left stays behind it. */
function isolated(name: string): string {
  return /\p{Script=Arabic}|\p{Script=Hebrew}/u.test(name) ? `\u2068${name}\u2069` : name;
}
