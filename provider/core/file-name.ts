const LONGEST_BYTES = 200; // below the 255 of most file systems, so that others can add to it
const LONGEST_EXTENSION_BYTES = 20;
const LONGEST_GIVEN = 1_000;

/** Names that mean a device on Windows, whatever follows the dot. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i;
/** What some system or shell doesn't take in a name, or takes for something else; `%` begins an escape in a URL. */
const RESERVED = /["%*:<>?|\\/]/g;
/** Not to be seen, or changing what is seen: controls, format characters, private and lone ones, line ends. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\u2028\u2029]/gu;

/**
 * A name that is safe as a file's on every system, in a header and on a page, made of one that anybody may have sent: the last
 * part of a path, without characters that can't be seen or turn the text around, at most 200 bytes with its ending kept.
 * @returns never empty: `file` where nothing is left
 */
export function safeFileName(given: string): string {
  const last = given.toWellFormed().split(/[\\/]/).at(-1) ?? "";
  const plain = last
    .normalize("NFC")
    .replace(INVISIBLE, "")
    .replace(/\s+/g, " ")
    .replace(RESERVED, "_")
    .trim()
    .replace(/^[.~-]+/, (start) => "_".repeat(start.length)) // hidden, another's home, an option of a command
    .replace(/[. ]+$/, ""); // Windows drops them
  const named = /^_*$/.test(plain) ? "file" : plain;
  return shorten(DEVICE.test(named) ? `_${named}` : named);
}

/** What was sent, for people to see: well-formed and not endless. Anything else may stand in it. */
export function givenFileName(given: string): string {
  return [...given.toWellFormed()].slice(0, LONGEST_GIVEN).join("");
}

/** `name` if it isn't among `taken`, which differ by more than case; else with a number before the ending. */
export function freeFileName(name: string, taken: readonly string[]): string {
  const lower = new Set(taken.map((each) => each.toLowerCase()));
  const [stem, extension] = split(name);
  let free = name;
  for (let number = 2; lower.has(free.toLowerCase()); number++) free = `${stem} (${number})${extension}`;
  return free;
}

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST_BYTES) return name;
  const [stem, extension] = split(name);
  const left = LONGEST_BYTES - Buffer.byteLength(extension);
  let short = "";
  let bytes = 0;
  for (const character of stem) {
    bytes += Buffer.byteLength(character);
    if (bytes > left) break;
    short += character;
  }
  return short.trimEnd() + extension;
}

function split(name: string): [stem: string, extension: string] {
  const at = name.lastIndexOf(".");
  const extension = at > 0 ? name.slice(at) : "";
  return Buffer.byteLength(extension) > LONGEST_EXTENSION_BYTES
    ? [name, ""]
    : [name.slice(0, name.length - extension.length), extension];
}
