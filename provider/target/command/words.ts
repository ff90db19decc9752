const LONGEST_LINE = 200;
/** So many characters in a row of a secret, as it is: a shorter piece is no more than chance. */
const RAW_PIECE = 4;
/** The same once everything but letters and digits is left out, in text and secret. */
const BARE_PIECE = 5;
/** A form that is shorter than this would be found everywhere. */
const SHORTEST_FORM = 3;

/**
 * The last line that a program wrote, for a sentence of ours. Nothing at all is quoted if a trace of a secret is anywhere in
 * what it wrote: a piece of it as it is or in base64, hexadecimal, URL or JSON form, in other case, or spread out by blanks,
 * quotes, line breaks or escape sequences. A line with a secret cut out would still tell its length and place.
 */
export function quotableLine(text: string, secrets: readonly string[]): string | undefined {
  if (secrets.some((secret) => isTraceIn(text, secret))) return undefined;
  const lines = withoutColours(text)
    .split(/[\r\n]+/)
    .map((line) => line.replace(/[^\x21-\x7e]+/g, " ").trim());
  const last = lines.findLast((line) => line !== "");
  return last?.replace(/\.$/, "").slice(0, LONGEST_LINE);
}

function isTraceIn(text: string, secret: string): boolean {
  if (secret === "") return false;
  if (pieces(secret, RAW_PIECE).some((piece) => text.includes(piece))) return true;
  const bareText = bare(text);
  return formsOf(secret)
    .map(bare)
    .filter((form) => form.length >= SHORTEST_FORM)
    .some((form) => pieces(form, BARE_PIECE).some((piece) => bareText.includes(piece)));
}

/** As it is and as other programs write it; base64 also of the two positions in which the value stands behind other bytes. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, "utf8");
  const base64 = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return encoded.slice(offset === 0 ? 0 : offset + 1).replace(/..?=*$/, "");
  });
  return [
    secret,
    ...base64,
    ...base64.map((encoded) => encoded.replaceAll("+", "-").replaceAll("/", "_")),
    bytes.toString("hex"),
    encodeURIComponent(secret),
    JSON.stringify(secret),
  ];
}

/** Letters and digits only, without colours and the signs before a hexadecimal byte. */
function bare(text: string): string {
  return withoutColours(text)
    .replace(/\\x|\b0x/gi, "")
    .replace(/[^A-Za-z0-9]/g, "")
    .toLowerCase();
}

function withoutColours(text: string): string {
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
}

/** Every run of `length` characters; the whole of a shorter text. */
function pieces(text: string, length: number): string[] {
  if (text.length <= length) return [text];
  return Array.from({ length: text.length - length + 1 }, (_, index) => text.slice(index, index + length));
}
