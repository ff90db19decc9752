/**
 * Where the contents of files are kept: sealed, in chunks, beside the rows. It knows no rule of the vault; what it was given counts
 * once the rows say so.
 */
export interface Contents {
  /** Files that an append is running on, in this process. */
  readonly busy: Set<string>;
  /**
   * Writes what comes behind what is there, whole chunks to the disk, and hands out progress to be acknowledged once it is
   * durable: also when `bytes` fails or goes beyond `limit`, before it throws.
   * @throws CoffreError INVALID_INPUT for more than `limit` bytes in all; DISK_FULL, READ_ONLY; what `bytes` or `acknowledge` throws
   */
  append(
    place: ContentPlace,
    from: Progress,
    bytes: AsyncIterable<Uint8Array>,
    options: { limit: number; acknowledge: (to: Progress) => Promise<void> },
  ): Promise<void>;
  /** Seals the end of a content, durably. @returns when all of it is on the disk */
  seal(place: ContentPlace, at: Progress): Promise<void>;
  /**
   * The bytes of a sealed content of this size, each chunk proven before it is given.
   * @param options.lends each piece is the reader's only until it asks for the next one. Default false
   * @throws CoffreError CORRUPT
   */
  read(place: ContentPlace, size: number, options?: { lends?: boolean }): AsyncIterable<Uint8Array>;
  /** One that isn't there is a success. */
  remove(id: string): Promise<void>;
  /** Takes away, in time, what belongs to none of these files. @param known their ids, asked once it is known what is there */
  sweep(known: () => Promise<ReadonlySet<string>>, now: Date): Promise<void>;
}

/** What a content is sealed under, and bound to. */
export interface ContentPlace {
  vaultId: string;
  /** The file's. */
  id: string;
  /** 32 bytes. */
  key: Uint8Array;
}

/** How far a content has come: bytes, of which those behind the last whole chunk are here. */
export interface Progress {
  received: number;
  tail: Uint8Array;
}

/** Clear bytes of one chunk. */
export const CHUNK_BYTES = 64 * 1024;
