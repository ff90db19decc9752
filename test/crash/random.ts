/** The same numbers for the same seed, so that a run can be repeated (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 1 to `limit`. */
  upTo(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return 1 + (((mixed ^ (mixed >>> 14)) >>> 0) % limit);
  }

  /** One of the list. @throws Error for an empty one */
  pick<T>(list: readonly T[]): T {
    const picked = list[this.upTo(list.length) - 1];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  /** So many of the list, spread evenly over it from a random start; the whole list if it has no more. */
  spread<T>(list: readonly T[], count: number): T[] {
    if (count >= list.length) return [...list];
    const start = this.upTo(list.length) - 1;
    const indexes = Array.from({ length: count }, (_, index) => start + Math.floor((index * list.length) / count));
    return indexes.flatMap((index) => list[index % list.length] ?? []);
  }
}
