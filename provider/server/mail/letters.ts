import type { Language } from "../html/locale.js";
import { boxLetter } from "./box-letter.js";
import { inSentence, type LetterStyle } from "./letter-scope.js";
import { writeLetter, type WrittenLetter } from "./letter.js";
import type { MailContent } from "./mails.js";
import { transferLetter } from "./transfer-letter.js";
import { ENGLISH, type LetterWords } from "./words-en.js";
import { FRENCH } from "./words-fr.js";

const WORDS: Readonly<Record<Language, LetterWords>> = { en: ENGLISH, fr: FRENCH };

/** Writes the mail that says `content`. Names are shown in one line each, whatever is in them. */
export function writeMail(content: MailContent, style: LetterStyle): WrittenLetter {
  const language = content.template === "box-code" ? content.language : style.language;
  const locale = { language, timeZone: style.timeZone };
  const scope = { style, words: WORDS[language], locale, name: inSentence(style.brand.name) };
  const letter = content.template === "transfer-sent" ? transferLetter(content, scope) : boxLetter(content, scope);
  return writeLetter(letter, style.brand, language);
}
