import { type Language, LANGUAGES } from "../html/locale.js";

/**
 * The language of ours that a browser likes best, by its `Accept-Language` (RFC 9110, 12.5.4): `fr-CA` is French.
 * @param fallback where it names none of ours
 */
export function preferredLanguage(header: string | undefined, fallback: Language): Language {
  const wanted = (header ?? "").split(",").flatMap((part): { language: Language; weight: number }[] => {
    const [tag = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const language = tag === "*" ? fallback : LANGUAGES.find((one) => tag === one || tag.startsWith(`${one}-`));
    const weight = Number(parameters.find((text) => text.startsWith("q="))?.slice(2) ?? 1);
    return language && weight > 0 ? [{ language, weight }] : [];
  });
  return wanted.sort((left, right) => right.weight - left.weight)[0]?.language ?? fallback;
}
