import { type KeyObject, randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../core/clock.js";
import { CoffreError } from "../../../core/errors.js";
import type { Secret } from "../../../core/secret.js";
import { open, seal } from "../../../vault/embedded/seal.js";
import type { SharedVault } from "../../../vault/records/record-vault.js";
import { HttpFailure } from "../../failures.js";
import { notThere } from "../front.js";
import type { KeptRows } from "../kept-rows.js";
import { linkDigest, newFileKey, openFileKey } from "./transfer-key.js";
import * as limits from "./transfer-row.js";
import { hasEnded, isWhole, sizeOf, type TransferRow } from "./transfer-row.js";

/** Who acts, in the event log. */
const SERVER = "coffre serve";
const LINK_HOLDER = "whoever has the link";

/** One chunk as it was sent, with what each chunk says of the whole. */
export interface Chunk {
  uuid: string;
  sender: string;
  name: string;
  description: string;
  totalSize: number;
  totalChunkCount: number;
  chunkIndex: number;
  maxDl: number;
  expiresAt?: string;
  password: Secret;
  bytes: Uint8Array;
}

/** The secrets of the links are there once the transfer is whole, and never again. */
export interface Kept {
  id: number;
  row: TransferRow;
  links?: { download: string; report: string };
}

/**
 * Transfers with a password. The files lie in a folder beside the server's file, each chunk encrypted with a key that only
 * the transfer's password and the server's key together open; the password itself is kept nowhere.
 */
export class Transfers {
  readonly #rows: KeptRows<TransferRow>;
  readonly #folder: string;
  readonly #key: KeyObject;
  readonly #clock: Clock;
  readonly #tell: SharedVault["note"];
  /** One chunk after the other: two of one upload may come at once. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({
    rows,
    folder,
    key,
    clock,
    note,
  }: {
    rows: KeptRows<TransferRow>;
    folder: string;
    key: KeyObject;
    clock: Clock;
    /** Told of what becomes of a transfer. */
    note: SharedVault["note"];
  }) {
    this.#rows = rows;
    this.#folder = folder;
    this.#key = key;
    this.#clock = clock;
    this.#tell = note;
  }

  /** Keeps a chunk. @throws CoffreError CONFLICT if it says something else of the whole than those before; DISK_FULL */
  add(chunk: Chunk): Promise<Kept> {
    return this.#inTurn(() => this.#add(chunk));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /**
   * The file behind a link, in pieces; the download is counted before the first one.
   * @throws CoffreError NOT_FOUND for a link that is wrong or has ended; HttpFailure 401 for a wrong password, 429 after many
   */
  async download(
    secret: string,
    password: Secret | undefined,
    address: string,
  ): Promise<{ row: TransferRow; pieces: AsyncIterable<Uint8Array> }> {
    const now = this.#clock.now();
    const { id, row } = this.#find("downloadDigest", secret);
    if (hasEnded(row, now)) throw ended();
    const since = now.getTime() - limits.WRONG_MINUTES * 60_000;
    if (row.wrong.filter((at) => Date.parse(at) > since).length >= limits.MOST_WRONG) {
      const hint = `Try again in ${limits.WRONG_MINUTES} minutes.`;
      throw new HttpFailure(429, "LOCKED", "Too many wrong passwords were given for this transfer", hint);
    }
    const key = password && (await openFileKey(this.#key, placeOf(row), password, row));
    if (!key) {
      if (password) await this.#note(id, (before) => ({ ...before, wrong: recent(before.wrong, since, now) }));
      throw new HttpFailure(401, "FORBIDDEN", "The transfer's password is missing or wrong", "The sender knows it.");
    }
    // Asked again under the lock: the last download may be somebody else's by now.
    let booked = false;
    const counted = await this.#note(id, (before) => {
      booked = !hasEnded(before, now);
      return booked
        ? { ...before, wrong: [], downloads: [...before.downloads, { at: now.toISOString(), address }] }
        : before;
    });
    if (!counted || !booked) throw ended();
    await this.#tell(LINK_HOLDER, "transfer.read", `${textOf(id, row)}, from ${address}`);
    return { row, pieces: await this.#pieces(id, row, key) };
  }

  /** What became of a transfer. @throws CoffreError NOT_FOUND */
  report(secret: string): TransferRow {
    return this.#find("reportDigest", secret).row;
  }

  /** Removes the files of what has ended, and rows of long ago. */
  sweep(): Promise<void> {
    return this.#inTurn(() => this.#sweep());
  }

  // Each event is written before what it tells: a crash between the two writes it twice, and never leaves it out.
  async #sweep(): Promise<void> {
    const now = this.#clock.now();
    for (const { id, row } of this.#rows.list()) {
      const reportUntil = Date.parse(row.endedAt ?? "9999-12-31") + limits.REPORT_DAYS * 86_400_000;
      const wasSent = row.completedAt !== undefined;
      if (reportUntil <= now.getTime()) {
        if (wasSent) await this.#tell(SERVER, "transfer.deleted", textOf(id, row));
        await this.#rows.change(id, () => undefined);
      } else if (row.endedAt === undefined && hasEnded(row, now) && !isUnderWay(row, now)) {
        await this.#removeFiles(id, row);
        if (wasSent) await this.#tell(SERVER, "transfer.expired", textOf(id, row));
        await this.#note(id, (before) => ({ ...before, endedAt: now.toISOString() }));
      }
    }
  }

  async #add(chunk: Chunk): Promise<Kept> {
    await this.#sweep();
    const before = this.#rows.list().find(({ row }) => row.uuid === chunk.uuid && row.sender === chunk.sender);
    const { id, row, key } = before ? await this.#continue(before, chunk) : await this.#begin(chunk);
    const chunks = row.chunks.with(chunk.chunkIndex, chunk.bytes.length);
    if (sizeOf(chunks) > row.totalSize) throw contradicts("more bytes than totalSize");
    const next: TransferRow = { ...row, chunks };
    const file = seal(key, pieceOf(row, chunk.chunkIndex), chunk.bytes);
    await writeFile(this.#path(id, chunk.chunkIndex), file, { mode: 0o600, flush: true });
    if (!isWhole(next)) {
      if (chunks.every((size) => size !== null)) throw contradicts("fewer bytes than totalSize");
      return { id, row: (await this.#note(id, () => next)) ?? next };
    }
    const links = { download: newSecret(), report: newSecret() };
    const whole: TransferRow = {
      ...next,
      completedAt: this.#clock.now().toISOString(),
      downloadDigest: linkDigest(links.download),
      reportDigest: linkDigest(links.report),
    };
    await this.#tell(row.sender, "transfer.created", textOf(id, row));
    return { id, row: (await this.#note(id, () => whole)) ?? whole, links };
  }

  async #begin(chunk: Chunk): Promise<{ id: number; row: TransferRow; key: KeyObject }> {
    const { uuid, sender, name, description, totalSize, totalChunkCount, maxDl, expiresAt, password } = chunk;
    const kept = this.#rows.list().filter(({ row }) => row.endedAt === undefined);
    if (kept.reduce((sum, { row }) => sum + row.totalSize, totalSize) > limits.MOST_BYTES) {
      throw new CoffreError("DISK_FULL", "This server keeps as many bytes of transfers as it may", {
        hint: "Wait until some of them have ended.",
      });
    }
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const createdAt = this.#clock.now().toISOString();
    const { key, ...wrapped } = await newFileKey(this.#key, placeOf({ uuid, createdAt }), password);
    const row: TransferRow = {
      ...{ uuid, sender, name, description, totalSize, maxDl, createdAt, ...wrapped },
      chunks: Array.from({ length: totalChunkCount }, () => null),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      downloads: [],
      wrong: [],
    };
    return { id: await this.#rows.add(row), row, key };
  }

  async #continue({ id, row }: { id: number; row: TransferRow }, chunk: Chunk) {
    if (row.completedAt !== undefined || row.endedAt !== undefined) throw contradicts("a chunk too many");
    const same = row.totalSize === chunk.totalSize && row.chunks.length === chunk.totalChunkCount;
    if (!same) throw contradicts("another totalSize or totalChunkCount");
    const key = await openFileKey(this.#key, placeOf(row), chunk.password, row);
    if (!key) throw contradicts("another password");
    return { id, row, key };
  }

  /** The first piece is there on return: what can't be opened is told before an answer has begun. */
  async #pieces(id: number, row: TransferRow, key: KeyObject): Promise<AsyncIterable<Uint8Array>> {
    const read = async (index: number): Promise<Uint8Array> => {
      const piece = open(key, pieceOf(row, index), await readFile(this.#path(id, index)));
      if (!piece) throw new CoffreError("CORRUPT", `A file of transfer ${id} was altered`);
      return piece;
    };
    const first = await read(0);
    return (async function* () {
      yield first;
      for (const index of row.chunks.keys()) if (index > 0) yield await read(index);
    })();
  }

  #find(digest: "downloadDigest" | "reportDigest", secret: string): { id: number; row: TransferRow } {
    const wanted = linkDigest(secret);
    const found = this.#rows.list().find(({ row }) => row[digest] === wanted);
    if (found) return found;
    throw ended();
  }

  #note(id: number, change: (row: TransferRow) => TransferRow): Promise<TransferRow | undefined> {
    return this.#rows.change(id, change);
  }

  async #removeFiles(id: number, { chunks }: TransferRow): Promise<void> {
    for (const index of chunks.keys()) await rm(this.#path(id, index), { force: true });
  }

  #path(id: number, index: number): string {
    return join(this.#folder, `${id}.${index}`);
  }
}

/** For the event log: never its password, nor its links. */
function textOf(id: number, { name, totalSize }: TransferRow): string {
  return `LockSelf transfer ${id}: ${name}, ${totalSize} bytes`;
}

/** Whether somebody may still be fetching it. */
function isUnderWay({ downloads }: TransferRow, now: Date): boolean {
  const last = downloads.at(-1);
  return last !== undefined && now.getTime() - Date.parse(last.at) < limits.LONGEST_DOWNLOAD_MS;
}

function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

function placeOf({ uuid, createdAt }: Pick<TransferRow, "uuid" | "createdAt">): string {
  return `coffre serve transfer ${uuid} ${createdAt}`;
}

function pieceOf(row: TransferRow, index: number): string {
  return `${placeOf(row)} chunk ${index} of ${row.chunks.length}`;
}

function recent(wrong: readonly string[], since: number, now: Date): string[] {
  return [...wrong.filter((at) => Date.parse(at) > since), now.toISOString()];
}

function ended(): CoffreError {
  return notThere("transfer: its link is wrong, or it has expired or was fetched often enough");
}

function contradicts(what: string): CoffreError {
  return new CoffreError("CONFLICT", `The chunk has ${what}, against what the upload said before`, {
    hint: "Begin again with another uuid.",
  });
}
