/**
 * Gives the memory of bytes back at once, which nobody reads any more: the collector sees how small their object is, and not how
 * large what it stands for, so that it lets hundreds of megabytes of them lie. Bytes that are a part of a larger buffer are
 * left to it, since others may have the rest.
 * @param bytes has length 0 afterwards
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0) buffer.transfer(0);
}

/** The same pieces, each given back once the next one is asked for: whoever reads them has to copy what is to stay. */
export async function* lendEach(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) {
    yield piece;
    giveBack(piece);
  }
}
