/** The four classes that policies speak of, by ASCII: `symbol` is every character that is no ASCII letter or digit. */
export const CHARACTER_CLASSES = ["upper", "lower", "digit", "symbol"] as const;
export type CharacterClass = (typeof CHARACTER_CLASSES)[number];

const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER = UPPER.toLowerCase();
const DIGITS = "0123456789";

/** Every symbol that a policy can allow in a generated password: printable ASCII without letters, digits and the space. */
export const ALL_SYMBOLS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/**
 * The symbols that Coffre draws unless `allowedSymbols` says otherwise. Quotes, the backtick and the backslash stay out:
 * they are what breaks when a person pastes a password into a shell, a connection string or a configuration file, and
 * leaving them out costs 0.06 bits a character.
 */
export const DEFAULT_SYMBOLS = withoutCharacters(ALL_SYMBOLS, "\"'`\\");

/** Every character that a generated password can have. */
export const PRINTABLE_ASCII = UPPER + LOWER + DIGITS + ALL_SYMBOLS;

// Asked for every character of an alphabet, at every draw.
const CLASSES = new Map<string, CharacterClass>([
  ...Array.from(UPPER, (character) => [character, "upper"] as const),
  ...Array.from(LOWER, (character) => [character, "lower"] as const),
  ...Array.from(DIGITS, (character) => [character, "digit"] as const),
]);

/** The class of one character. */
export function classOf(character: string): CharacterClass {
  return CLASSES.get(character) ?? "symbol";
}

/** The characters of `text` that are of this class, in order. */
export function ofClass(text: string, characterClass: CharacterClass): string {
  return [...text].filter((character) => classOf(character) === characterClass).join("");
}

/** The characters of `text` that `kept` has too, each once, in order. */
export function onlyCharacters(text: string, kept: string): string {
  const keptSet = new Set(kept);
  return [...new Set(text)].filter((character) => keptSet.has(character)).join("");
}

/** The characters of `text` that `left` hasn't, each once, in order. */
export function withoutCharacters(text: string, left: string): string {
  const leftSet = new Set(left);
  return [...new Set(text)].filter((character) => !leftSet.has(character)).join("");
}
