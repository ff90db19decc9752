import { formsOf } from "./value-forms.js";

const MASK = Buffer.from("[secret]");
/** Two bytes say where a value may begin, four which ones may: all patterns have that many. */
const HEAD_BYTES = 4;

/** What to look for, made once for all streams, and for the first output only: many commands print nothing. */
export class MaskPatterns {
  readonly #values: readonly Buffer[];
  #isMade = false;
  readonly #beginnings = new Uint8Array(65_536);
  /** By their first four bytes, the longest first. */
  readonly #byHead = new Map<number, Buffer[]>();

  constructor(values: readonly Buffer[]) {
    this.#values = values;
  }

  #make(): void {
    this.#isMade = true;
    for (const form of this.#values.flatMap(formsOf)) {
      this.#beginnings[form.readUInt16BE()] = 1;
      const head = form.readUInt32BE();
      const same = this.#byHead.get(head) ?? [];
      this.#byHead.set(
        head,
        [...same, form].sort((left, right) => right.length - left.length),
      );
    }
  }

  /**
   * What stands at this place: the length of the longest pattern, 0 for none; `undefined` if the text ends before that can
   * be said.
   */
  lengthAt(text: Buffer, at: number, isWhole: boolean): number | undefined {
    if (!this.#isMade) this.#make();
    const left = text.length - at;
    if (left >= 2 && this.#beginnings[text.readUInt16BE(at)] === 0) return 0;
    if (left < HEAD_BYTES) return isWhole || !this.#mayBegin(text.subarray(at)) ? 0 : undefined;
    for (const pattern of this.#byHead.get(text.readUInt32BE(at)) ?? []) {
      if (left >= pattern.length) {
        if (text.compare(pattern, 0, pattern.length, at, at + pattern.length) === 0) return pattern.length;
      } else if (!isWhole && text.compare(pattern, 0, left, at) === 0) {
        return undefined;
      }
    }
    return 0;
  }

  /** Of less than four bytes. */
  #mayBegin(rest: Buffer): boolean {
    const shift = 8 * (HEAD_BYTES - rest.length);
    const wanted = rest.readUIntBE(0, rest.length);
    for (const head of this.#byHead.keys()) if (head >>> shift === wanted) return true;
    return false;
  }
}

/**
 * One stream whose values are replaced by `[secret]`, wherever the pieces in which it comes begin and end. What may be the
 * beginning of a value is held back until the next piece says what it is.
 */
export class Masker {
  readonly #patterns: MaskPatterns;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes at the beginning of what is held that belong to a value already found. */
  #covered = 0;

  constructor(patterns: MaskPatterns) {
    this.#patterns = patterns;
  }

  /** @returns what may be shown by now */
  add(piece: Buffer): Buffer {
    return this.#take(this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]), false);
  }

  /** What was held back, once nothing more comes. */
  end(): Buffer {
    return this.#take(this.#held, true);
  }

  #take(text: Buffer, isWhole: boolean): Buffer {
    const shown: Buffer[] = [];
    let from = 0; // of what is to be shown as it is
    let covered = this.#covered; // end of the value that was found last
    if (covered > 0) from = covered;
    let at = 0;
    for (; at < text.length; at += 1) {
      const length = this.#patterns.lengthAt(text, at, isWhole);
      if (length === undefined) break;
      if (length === 0) continue;
      if (at >= covered) shown.push(text.subarray(from, at), MASK);
      covered = Math.max(covered, at + length);
      from = covered;
    }
    if (from < at) shown.push(text.subarray(from, at));
    this.#held = text.subarray(at);
    this.#covered = Math.max(0, covered - at);
    return Buffer.concat(shown);
  }
}
