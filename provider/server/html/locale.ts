import { fr } from "./french.js";

/** A language that pages and mails are written in. */
export const LANGUAGES = ["en", "fr"] as const;
export type Language = (typeof LANGUAGES)[number];

/** How dates and sizes are written: in whose language, and by whose clock. */
export interface Locale {
  language: Language;
  /** An IANA name, `Europe/Paris`. */
  timeZone: string;
}

// British English: its dates can't be misread as month first.
const TAGS: Readonly<Record<Language, string>> = { en: "en-GB", fr: "fr-FR" };

/** A day and a time with its zone: `3 March 2026 at 18:00 CET`. @param instant ISO 8601 */
export function formatInstant({ language, timeZone }: Locale, instant: string): string {
  return new Intl.DateTimeFormat(TAGS[language], {
    year: "numeric",
    month: "long",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
    timeZone,
  }).format(new Date(instant));
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A size for people, in steps of 1,000 as file managers show them: `1.2 MB`, `1,2 Mo`. */
export function formatBytes({ language }: Pick<Locale, "language">, bytes: number): string {
  let step = 0;
  let size = bytes;
  // 999,950 would be written as 1,000.0 kB.
  for (; size >= 999.95 && step < UNITS.length - 1; step++) size /= 1_000;
  return new Intl.NumberFormat(TAGS[language], {
    style: "unit",
    unit: UNITS[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: step === 0 ? 0 : 1,
  }).format(size);
}

/**
 * One line of text as it is shown, without what could make it look like another: line breaks, other control characters and
 * marks that turn the direction of what follows become spaces, and runs of spaces one.
 */
export function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/**
 * Text of people as it is shown, with its line feeds and tabs: without other control characters, and without marks that turn the
 * direction of what follows, also of what isn't theirs. Scripts that are written from right to left need none of them.
 */
export function prose(text: string): string {
  return text
    .replaceAll(/\r\n?|[\u0085\p{Zl}\p{Zp}]/gu, "\n")
    .replaceAll(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "");
}

/** A value behind what it is: `Open until: 3 March`, `Taille : 3 Mo`. */
export function labelled(language: Language, label: string, value: string): string {
  return language === "fr" ? fr`${label} : ${value}` : `${label}: ${value}`;
}
