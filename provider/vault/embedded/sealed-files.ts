import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { constants, mkdirSync } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { giveBack } from "../../core/give-back.js";
import { CHUNK_BYTES, type ContentPlace, type Contents, type Progress } from "../records/contents.js";
import { syncFolder } from "../sync-folder.js";
import { encodeParts } from "./format.js";
import { systemCode } from "./native-error.js";
import { NONCE_BYTES, open as openSealed, seal as sealChunk, sealInto, TAG_BYTES } from "./seal.js";
import { sweepFiles } from "./sweep-files.js";

const KEY_BYTES = 32;
const SEALED_BYTES = CHUNK_BYTES + NONCE_BYTES + TAG_BYTES;
/** Progress is acknowledged after so many bytes, or so long, whichever comes first. */
const ACKNOWLEDGED_BYTES = 16 * 1024 * 1024;
const ACKNOWLEDGED_MS = 5_000;
/** Chunks that are read at once. */
const READ_CHUNKS = 16;

/** Contents in a folder beside the vault's file, each in a file of its own, by its id: `docs/vault-format.md`. */
export class SealedFiles implements Contents {
  readonly busy = new Set<string>();
  readonly #folder: string;

  /** @param folder absolute; made, for this user only, with the first file */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async append(
    place: ContentPlace,
    from: Progress,
    bytes: AsyncIterable<Uint8Array>,
    { limit, acknowledge }: { limit: number; acknowledge: (to: Progress) => Promise<void> },
  ): Promise<void> {
    const file = await this.#openToWrite(place.id);
    try {
      const writer = new ChunkWriter(file, place, from);
      let acknowledged = from.received;
      let since = performance.now();
      const settle = async (): Promise<void> => {
        if (writer.received === acknowledged) return;
        await file.datasync();
        await acknowledge({ received: writer.received, tail: writer.tail });
        acknowledged = writer.received;
        since = performance.now();
      };
      let failure: { error: unknown } | undefined;
      try {
        for await (const part of bytes) {
          if (writer.received + part.length > limit) throw tooLong(place.id, limit);
          await writer.write(part);
          const isLong = writer.received - acknowledged >= ACKNOWLEDGED_BYTES;
          if (isLong || performance.now() - since >= ACKNOWLEDGED_MS) await settle();
        }
      } catch (error) {
        // What came before a source failed counts; after a failed write nothing is known of the disk.
        if (writer.failed) throw error;
        failure = { error };
      }
      await settle();
      if (failure) throw failure.error;
    } catch (error) {
      throw mapFileError(this.#folder, error);
    } finally {
      await file.close();
    }
  }

  async seal(place: ContentPlace, { received, tail }: Progress): Promise<void> {
    const file = await this.#openToWrite(place.id);
    try {
      const number = Math.floor(received / CHUNK_BYTES);
      const sealed = sealChunk(keyOf(place), bound(place, number, true), tail);
      await writeAll(file, sealed, number * SEALED_BYTES);
      await file.truncate(number * SEALED_BYTES + sealed.length); // what was never acknowledged
      await file.sync();
    } catch (error) {
      throw mapFileError(this.#folder, error);
    } finally {
      await file.close();
    }
  }

  async *read(
    place: ContentPlace,
    size: number,
    { lends = false }: { lends?: boolean } = {},
  ): AsyncIterable<Uint8Array> {
    const key = keyOf(place);
    const last = Math.floor(size / CHUNK_BYTES);
    const length = size + (last + 1) * (NONCE_BYTES + TAG_BYTES);
    const file = await open(this.#path(place.id), constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
      throw mapReadError(place.id, this.#folder, error);
    });
    try {
      if ((await file.stat()).size !== length) throw damaged(place.id, "is cut, or something was added to it");
      const buffer = Buffer.alloc(SEALED_BYTES * READ_CHUNKS);
      for (let number = 0; number <= last; number += READ_CHUNKS) {
        const wanted = Math.min(buffer.length, length - number * SEALED_BYTES);
        const piece = await readAll(file, buffer.subarray(0, wanted), number * SEALED_BYTES);
        for (let at = 0; at * SEALED_BYTES < piece.length; at++) {
          const sealed = piece.subarray(at * SEALED_BYTES, (at + 1) * SEALED_BYTES);
          const opened = openSealed(key, bound(place, number + at, number + at === last), sealed);
          if (!opened) throw damaged(place.id, "was altered, or moved from another place");
          if (opened.length > 0) yield opened;
          if (lends) giveBack(opened);
        }
      }
    } finally {
      await file.close();
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  sweep(known: () => Promise<ReadonlySet<string>>, now: Date): Promise<void> {
    return sweepFiles(this.#folder, known, now);
  }

  /** Bytes on the disk; `undefined` if it isn't there. */
  async sizeOf(id: string): Promise<number | undefined> {
    return (await stat(this.#path(id)).catch(() => undefined))?.size;
  }

  #path(id: string): string {
    return join(this.#folder, id); // ids are ours: letters, digits and a low line
  }

  async #openToWrite(id: string): Promise<FileHandle> {
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const there = await open(this.#path(id), O_RDWR | O_NOFOLLOW).catch((error: unknown) => {
        if (systemCode(error) === "ENOENT") return undefined;
        throw error;
      });
      if (there) return there;
      const made = await open(this.#path(id), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      syncFolder(this.#folder);
      syncFolder(dirname(this.#folder));
      return made;
    } catch (error) {
      throw mapFileError(this.#folder, error);
    }
  }
}

/** Where the contents of a vault's files lie, beside its own. */
export function filesFolder(vaultPath: string): string {
  return `${vaultPath}.files`;
}

/** How many bytes a sealed content of this size has on the disk. */
export function sealedLength(size: number): number {
  return size + (Math.floor(size / CHUNK_BYTES) + 1) * (NONCE_BYTES + TAG_BYTES);
}

/** Fills chunks and writes each that is whole to its place. */
class ChunkWriter {
  readonly #file: FileHandle;
  readonly #place: ContentPlace;
  readonly #key: KeyObject;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  readonly #sealed = Buffer.alloc(SEALED_BYTES);
  #filled: number;
  #number: number;
  /** A write failed. */
  failed = false;

  constructor(file: FileHandle, place: ContentPlace, { received, tail }: Progress) {
    this.#file = file;
    this.#place = place;
    this.#key = keyOf(place);
    this.#chunk.set(tail);
    this.#filled = tail.length;
    this.#number = Math.floor(received / CHUNK_BYTES);
  }

  get received(): number {
    return this.#number * CHUNK_BYTES + this.#filled;
  }

  get tail(): Uint8Array {
    return Buffer.from(this.#chunk.subarray(0, this.#filled));
  }

  async write(part: Uint8Array): Promise<void> {
    for (let from = 0; from < part.length;) {
      const taken = part.subarray(from, from + CHUNK_BYTES - this.#filled);
      this.#chunk.set(taken, this.#filled);
      this.#filled += taken.length;
      from += taken.length;
      if (this.#filled < CHUNK_BYTES) return;
      sealInto(this.#sealed, this.#key, bound(this.#place, this.#number, false), this.#chunk);
      try {
        await writeAll(this.#file, this.#sealed, this.#number * SEALED_BYTES);
      } catch (error) {
        this.failed = true;
        throw error;
      }
      this.#number += 1;
      this.#filled = 0;
    }
  }
}

/** A chunk fits no other vault, file or place, and the last one no other length. */
function bound({ vaultId, id }: ContentPlace, number: number, last: boolean): string {
  return encodeParts(["coffre file", vaultId, id, number, last ? 1 : 0]);
}

function keyOf({ vaultId, id, key }: ContentPlace): KeyObject {
  return createSecretKey(
    Buffer.from(hkdfSync("sha256", key, "", encodeParts(["coffre file", vaultId, id]), KEY_BYTES)),
  );
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

async function readAll(file: FileHandle, into: Buffer, at: number): Promise<Buffer> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return into.subarray(0, done);
}

function tooLong(id: string, limit: number): CoffreError {
  return new CoffreError("INVALID_INPUT", `More comes for the file ${id} than the ${limit} bytes that it may have`, {
    hint: "What was sent before stays. Give the upload up, and begin it again with its real size.",
    details: { field: "size", fileId: id, limit },
  });
}

function damaged(id: string, problem: string): CoffreError {
  return new CoffreError("CORRUPT", `The content of the file ${id} ${problem}`, {
    hint: "`coffre vault check` lists all damage. Bring the file back from a copy of the folder.",
    details: { table: "stored_file", id },
  });
}

function mapReadError(id: string, folder: string, error: unknown): unknown {
  if (systemCode(error) === "ENOENT") return damaged(id, `isn't in ${folder}`);
  return mapFileError(folder, error);
}

function mapFileError(folder: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof CoffreError || code === undefined) return error;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return new CoffreError("DISK_FULL", `There is no space left for files in ${folder}`, {
      hint: "Make room and go on: what was acknowledged is there.",
      cause: error,
    });
  }
  if (/^E(ACCES|PERM|ROFS|NOTDIR|LOOP)$/.test(code)) {
    return new CoffreError("READ_ONLY", `No file can be written to ${folder} (${code})`, {
      hint: "Give this user write access to the folder.",
      cause: error,
    });
  }
  return error;
}
