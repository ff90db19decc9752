import { CoffreError } from "../../core/errors.js";
import { CHUNK_BYTES, type ContentPlace, type Contents, type Progress } from "../records/contents.js";

/** Contents in this process's memory: whole chunks, and after the end all of it. */
export class MemoryFiles implements Contents {
  readonly busy = new Set<string>();
  readonly #contents = new Map<string, Uint8Array[]>();

  async append(
    { id }: ContentPlace,
    { received, tail }: Progress,
    bytes: AsyncIterable<Uint8Array>,
    { limit, acknowledge }: { limit: number; acknowledge: (to: Progress) => Promise<void> },
  ): Promise<void> {
    const chunks = (this.#contents.get(id) ?? []).slice(0, Math.floor(received / CHUNK_BYTES));
    let rest = Buffer.from(tail);
    let failure: { error: unknown } | undefined;
    try {
      for await (const part of bytes) {
        if (chunks.length * CHUNK_BYTES + rest.length + part.length > limit) {
          throw new CoffreError(
            "INVALID_INPUT",
            `More comes for the file ${id} than the ${limit} bytes that it may have`,
            { details: { field: "size", fileId: id, limit } },
          );
        }
        rest = Buffer.concat([rest, part]);
        for (; rest.length >= CHUNK_BYTES; rest = rest.subarray(CHUNK_BYTES))
          chunks.push(rest.subarray(0, CHUNK_BYTES));
      }
    } catch (error) {
      failure = { error };
    }
    this.#contents.set(id, chunks);
    await acknowledge({ received: chunks.length * CHUNK_BYTES + rest.length, tail: rest });
    if (failure) throw failure.error;
  }

  async seal({ id }: ContentPlace, { received, tail }: Progress): Promise<void> {
    const whole = (this.#contents.get(id) ?? []).slice(0, Math.floor(received / CHUNK_BYTES));
    this.#contents.set(id, [...whole, tail]);
  }

  async *read({ id }: ContentPlace): AsyncIterable<Uint8Array> {
    for (const bytes of this.#contents.get(id) ?? []) if (bytes.length > 0) yield bytes;
  }

  async remove(id: string): Promise<void> {
    this.#contents.delete(id);
  }

  async sweep(known: () => Promise<ReadonlySet<string>>): Promise<void> {
    const there = [...this.#contents.keys()];
    const ids = await known();
    for (const id of there) if (!ids.has(id)) this.#contents.delete(id);
  }
}
