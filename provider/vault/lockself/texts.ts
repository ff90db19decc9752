import { randomInt } from "node:crypto";
import { isCoffreError } from "../../core/errors.js";
import type { Api } from "./api.js";

/** The longest text that is put into one entry's password: what LockSelf takes is documented nowhere. */
export const LONGEST_TEXT = 20_000;

/** Of an entry whose password isn't the text itself, in `opt1`. */
const ENCODED = "coffre base64";

/** Before what is encoded of a copy; the collection for Ansible knows it, too. */
const ENCODED_COPY = "base64:";

/** An entry's id, or the ids of several, each with a piece: `12`, `12+13`. */
export type TextPlace = string;

/** Texts in entries of their own, created once and never written over. */
export class Texts {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** @param name is made another where the server has the same name already */
  async write(categoryId: number, name: string, text: string, opt3: string): Promise<TextPlace> {
    const pieces = text.length > LONGEST_TEXT ? piecesOf(text) : [text];
    const ids = pieces.map(async (piece, index) => {
      const own = index === 0 ? name : `${name} (${index + 1})`;
      const encoded = pieces.length === 1 && !isPlain(piece);
      const password = encoded ? toBase64(piece) || "=" : piece; // a password must have a character
      const body = { categoryId, name: own, password, ...(encoded ? { opt1: ENCODED } : {}), opt3 };
      try {
        return await this.#api.createCredential(body);
      } catch (error) {
        if (!isCoffreError(error, "CONFLICT")) throw error;
        return this.#api.createCredential({ ...body, name: `${own} ${randomWord()}` });
      }
    });
    return (await Promise.all(ids)).join("+");
  }

  /** `undefined` if an entry of it is gone. */
  async read(place: TextPlace): Promise<string | undefined> {
    const values = await Promise.all(idsOf(place).map((id) => this.#api.decrypt(id)));
    const [first] = values;
    if (!first || values.includes(undefined)) return undefined;
    if (values.length > 1) return fromBase64(values.map((value) => value?.password ?? "").join(""));
    return first.opt1 === ENCODED ? fromBase64(first.password) : first.password;
  }

  async remove(place: TextPlace): Promise<void> {
    await Promise.all(idsOf(place).map((id) => this.#api.removeCredential(id)));
  }
}

/** As base64, cut so that each piece fits. */
export function piecesOf(text: string): string[] {
  return toBase64(text).match(new RegExp(`.{1,${LONGEST_TEXT}}`, "g")) ?? [];
}

export function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}

/** Ten letters and digits, for names that no other entry has. */
export function randomWord(): string {
  return Array.from({ length: 10 }, () => randomInt(36).toString(36)).join("");
}

/** What a server surely gives back as it was: nothing empty, no control character, no space at an end. */
function isPlain(text: string): boolean {
  return text !== "" && text.trim() === text && !/\p{Cc}/u.test(text);
}

/** A text as people read it in a copy: what a server may not give back as it was, or what looks encoded, is encoded, or only named. */
export function shownText(text: string): string {
  if (text.length > LONGEST_TEXT) return "(too long for one entry: it stands in those beside it)";
  return isPlain(text) && !text.startsWith(ENCODED_COPY) ? text : `${ENCODED_COPY}${toBase64(text)}`;
}

function toBase64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function idsOf(place: TextPlace): number[] {
  return place.split("+").map(Number);
}
