/**
 * Answers a question for many at once: whoever asks gets an answer that was asked for after that, and those who ask while
 * one is under way share the next.
 */
export class Shared<Answer> {
  readonly #ask: () => Promise<Answer>;
  #waiting: Promise<Answer> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
  }

  now(): Promise<Answer> {
    if (this.#waiting) return this.#waiting;
    const waiting = this.#running.then(() => {
      this.#waiting = undefined;
      const asking = this.#ask();
      this.#running = asking.catch(() => undefined);
      return asking;
    });
    this.#waiting = waiting;
    return waiting;
  }
}
