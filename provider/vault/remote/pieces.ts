/** More than any vault has. */
const LONGEST_ANSWER = 256 * 1024 * 1024;

/** A text that comes in pieces, up to a length. */
export class Pieces {
  readonly #longest: number;
  #parts: string[] = [];
  #length = 0;

  constructor(longest = LONGEST_ANSWER) {
    this.#longest = longest;
  }

  /** @returns false once it is longer than it may be */
  add(part: string): boolean {
    this.#parts.push(part);
    this.#length += part.length;
    return this.#length <= this.#longest;
  }

  /** All since the last time. */
  take(): string {
    const text = this.#parts.join("");
    [this.#parts, this.#length] = [[], 0];
    return text;
  }
}
