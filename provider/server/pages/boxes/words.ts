import type { Language } from "../../html/locale.js";
import { type BoxWords, ENGLISH } from "./words-en.js";
import { FRENCH } from "./words-fr.js";

const WORDS: Readonly<Record<Language, BoxWords>> = { en: ENGLISH, fr: FRENCH };

export function wordsIn(language: Language): BoxWords {
  return WORDS[language];
}
