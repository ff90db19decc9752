/**
 * Files that are sealed in chunks while they come, in constant memory whatever their size. An upload may be cut anywhere,
 * also by a kill, and goes on where {@link StoredFile.received} says: only what was acknowledged counts, and that is durable.
 */
export interface Files {
  /**
   * Begins a file of a deposit, or of a transfer that isn't sent yet. Nothing of it counts before {@link finish}.
   * @throws NOT_FOUND; CONFLICT if the deposit is submitted, the box isn't open or the transfer was sent; INVALID_INPUT for a size beyond the box's limits
   */
  create(input: FileInput): Promise<StoredFile>;
  /** @throws NOT_FOUND */
  readFile(id: string): Promise<StoredFile>;
  /**
   * Takes bytes from `offset` on, as they come, and acknowledges them about every 16 MB or 5 seconds and at the end; also
   * when the source fails, whose error is then thrown. What the source gave after the last acknowledgement is asked for again.
   * Each piece is done with once the next one is asked for: its memory may be used again.
   * @throws NOT_FOUND; CONFLICT with `details.received` if `offset` isn't how far the file has come, or if it is finished, or with
   * `details.status` once the box is closed; LOCKED while another append runs; INVALID_INPUT for more than the declared
   * size or the box's limits; DISK_FULL
   */
  append(id: string, offset: number, bytes: AsyncIterable<Uint8Array>): Promise<StoredFile>;
  /**
   * Ends the upload: reads all of it back from the disk, takes its size and SHA-256 and looks what it is by its content.
   * Finished already is a success.
   * @param options.quarantine nobody may read it before {@link judge} says so
   * @throws NOT_FOUND; CONFLICT with `details.received` if bytes of the declared size are missing; INVALID_INPUT if the box takes no such
   * file, which is deleted then; CORRUPT if it doesn't read back
   */
  finish(id: string, options?: { quarantine?: boolean }): Promise<StoredFile>;
  /** Gives an upload up. Gone already is a success. @throws CONFLICT if it is finished */
  abort(id: string): Promise<void>;
  /**
   * What a scanner says of a file in quarantine. One that is refused is deleted, why stays, and who deposited it in a drop-box
   * is told by mail, with the managers if it was handed in.
   * @throws NOT_FOUND; CONFLICT if it isn't in quarantine
   */
  judge(id: string, verdict: { clean: true } | { clean: false; reason: string }): Promise<StoredFile>;
  /**
   * The content of a whole file; the event of the download is durable before the first byte.
   * @param reader who reads, where it isn't who acts: a recipient, by address. `scanner` reads what is in quarantine, without an event
   * @throws NOT_FOUND; CONFLICT with `details.state` if it isn't `ready`; CORRUPT, also in the midst, for a content that was altered, cut or is missing
   */
  read(
    id: string,
    reader?: { by: string } | "scanner",
  ): Promise<{ file: StoredFile; content: AsyncIterable<Uint8Array> }>;
  /** Gone already is a success. */
  deleteFile(id: string): Promise<void>;
}

export interface FileInput {
  /** The deposit's id, or the transfer's. */
  depositId: string;
  /** As whoever sends it calls it: a path, any characters. */
  name: string;
  /** Bytes, where they are known before. */
  size?: number;
}

/**
 * `uploading`: more may come. `quarantine`: whole, and nobody may read it yet. `ready`: whole. `refused`: a scanner said no; its
 * content is gone.
 */
export type FileState = "uploading" | "quarantine" | "ready" | "refused";

export interface StoredFile {
  /** `fi_…` */
  id: string;
  /** What holds it: a deposit, or a transfer. */
  depositId: string;
  /** The drop-box's; of a transfer's file the transfer's. */
  boxId: string;
  /** Safe as a file's name everywhere, and unique in its deposit: see `safeFileName` of core. */
  name: string;
  /** As it was sent, at most 1,000 characters of it. */
  givenName: string;
  state: FileState;
  /** Bytes that are acknowledged. */
  received: number;
  /** Bytes: what was declared, until it is whole. */
  size?: number;
  /** Of the whole content, hex. */
  sha256?: string;
  /** What it is by its content: an ending such as `pdf`, and a media type. `txt` for text. Missing if nothing is known of it. */
  type?: { extension: string; mime: string };
  /** Why it was refused. */
  reason?: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  finishedAt?: string;
}
