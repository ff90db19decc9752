import { inspect } from "node:util";

const SHOWN = "[secret]";

/**
 * A value that prints as `[secret]` wherever it is printed: string conversion, JSON, `util.inspect`, `console.log`.
 * `reveal()` is the one way to the text, and easy to search for.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The clear text. Hand it to the vault, the target, or the person who asked; to nothing else. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
