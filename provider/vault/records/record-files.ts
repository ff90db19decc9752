import { createHash, randomBytes } from "node:crypto";
import { CoffreError } from "../../core/errors.js";
import { freeFileName, givenFileName, safeFileName } from "../../core/file-name.js";
import { newId } from "../../core/id.js";
import type { FileInput, Files, StoredFile } from "../port.js";
import type { FileRow } from "./box-rows.js";
import type { ContentPlace, Contents, Progress } from "./contents.js";
import { logEvent, type VaultContext } from "./context.js";
import { filesOf, viewFile } from "./deposits.js";
import { type FileHolder, holderOf } from "./file-holder.js";
import { requireRoom } from "./file-rules.js";
import { FILE_TYPE_BYTES, typeOf } from "./file-type.js";
import type { ReadRows, Rows, WriteRows } from "./rows.js";

const KEY_BYTES = 32;
/** Of one deposit, or one transfer. */
const MOST_FILES = 1_000;

/** The contents of deposits and transfers, over a storage of rows and one of contents. */
export class RecordFiles implements Files {
  readonly #rows: Rows;
  readonly #context: VaultContext;
  readonly #contents: Contents;

  constructor(rows: Rows, context: VaultContext, contents: Contents) {
    this.#contents = contents;
    this.#rows = rows;
    this.#context = context;
  }

  create({ depositId, name, size }: FileInput): Promise<StoredFile> {
    return this.#rows.write((tx) => {
      const holder = holderOf(tx, this.#context, depositId);
      const files = filesOf(tx, depositId);
      holder.requireTaking();
      if (files.length >= MOST_FILES) throw tooMuch(`${MOST_FILES} files are there already`, holder);
      checkSize(holder, size ?? 0);
      requireRoom(tx, this.#context.files, size ?? 0);
      const now = this.#context.clock.now().toISOString();
      const taken = files.map((file) => file.name);
      const row: FileRow = {
        id: newId("fi_"),
        holderId: depositId,
        boxId: holder.boxId,
        name: freeFileName(safeFileName(name), taken),
        givenName: givenFileName(name),
        state: "uploading",
        received: 0,
        ...(size === undefined ? {} : { size }),
        key: randomBytes(KEY_BYTES).toString("base64"),
        tail: "",
        createdAt: now,
        touchedAt: now,
      };
      tx.boxes.putFile(row);
      return viewFile(row);
    });
  }

  readFile(id: string): Promise<StoredFile> {
    return this.#rows.read((tx) => viewFile(requireFile(tx, id)));
  }

  append(id: string, offset: number, bytes: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    return this.#alone(id, async () => {
      const { row, place, limit } = await this.#rows.read((tx) => {
        const found = requireFile(tx, id);
        requireUploading(found, offset);
        const holder = holderOf(tx, this.#context, found.holderId);
        holder.requireTaking();
        return { row: found, place: placeOf(tx, found), limit: limitOf(holder, found) };
      });
      const from: Progress = { received: row.received, tail: Buffer.from(row.tail, "base64") };
      let received = row.received;
      await this.#contents.append(place, from, bytes, {
        limit,
        acknowledge: async (to) => {
          await this.#rows.write((tx) => this.#acknowledge(tx, id, received, to));
          received = to.received;
        },
      });
      return this.readFile(id);
    });
  }

  /** Two that write one content would write over each other. @throws CoffreError LOCKED */
  async #alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    const { busy } = this.#contents;
    if (busy.has(id)) {
      throw new CoffreError("LOCKED", `The file ${id} is being uploaded already`, {
        hint: "Wait until that has ended, then ask how far it has come.",
        details: { fileId: id },
      });
    }
    busy.add(id);
    try {
      return await work();
    } finally {
      busy.delete(id);
    }
  }

  #acknowledge(tx: WriteRows, id: string, before: number, { received, tail }: Progress): void {
    const row = requireFile(tx, id);
    requireUploading(row, before); // another process may have gone on with it
    const holder = holderOf(tx, this.#context, row.holderId);
    holder.requireTaking();
    if (received > limitOf(holder, row)) throw tooMuch(`There is no room left in ${holder.text}`, holder); // by others, meanwhile
    if (row.size === undefined) requireRoom(tx, this.#context.files, received - before);
    const touchedAt = this.#context.clock.now().toISOString();
    tx.boxes.putFile({ ...row, received, tail: Buffer.from(tail).toString("base64"), touchedAt });
  }

  finish(id: string, { quarantine = false }: { quarantine?: boolean } = {}): Promise<StoredFile> {
    const waits = quarantine || this.#context.files.scanner !== undefined;
    return this.#alone(id, () => this.#finish(id, waits));
  }

  async #finish(id: string, quarantine: boolean): Promise<StoredFile> {
    const { row, place, fileTypes } = await this.#rows.read((tx) => {
      const found = requireFile(tx, id);
      const holder = holderOf(tx, this.#context, found.holderId);
      if (found.state === "uploading") {
        holder.requireTaking();
        if (found.size !== undefined && found.size !== found.received) throw notWhole(found);
      }
      return { row: found, place: placeOf(tx, found), fileTypes: holder.fileTypes };
    });
    if (row.state !== "uploading") return viewFile(row);
    const contents = this.#contents;
    await contents.seal(place, { received: row.received, tail: Buffer.from(row.tail, "base64") });
    const { sha256, type } = await this.#readBack(place, row.received);
    if (fileTypes && !(type && fileTypes.includes(type.extension))) {
      await this.abort(id);
      const isEmpty = row.received === 0;
      const what = isEmpty ? "empty" : (type?.extension ?? "of no known type");
      throw new CoffreError("INVALID_INPUT", `The file ${row.name} is ${what}`, {
        hint: `The drop-box takes ${fileTypes.join(", ")}, by what stands in a file and not by its name.`,
        details: { field: "type", fileId: id, ...(isEmpty ? { size: 0 } : {}) },
      });
    }
    const file = await this.#rows.write((tx) => {
      const now = requireFile(tx, id);
      requireUploading(now, row.received);
      const finished: FileRow = {
        ...now,
        state: quarantine ? "quarantine" : "ready",
        size: row.received,
        sha256,
        ...(type === undefined ? {} : { type }),
        tail: "",
        finishedAt: this.#context.clock.now().toISOString(),
      };
      tx.boxes.putFile(finished);
      this.#log(tx, "file.finished", finished, `${finished.name}, ${row.received} bytes, sha256 ${sha256}`);
      return viewFile(finished);
    });
    if (file.state === "quarantine") this.#context.files.scanner?.arrived(id);
    return file;
  }

  async #readBack(place: ContentPlace, size: number): Promise<{ sha256: string; type?: StoredFile["type"] & object }> {
    const hash = createHash("sha256");
    const start: Uint8Array[] = [];
    let kept = 0;
    for await (const bytes of this.#contents.read(place, size, { lends: true })) {
      hash.update(bytes);
      if (kept >= FILE_TYPE_BYTES) continue;
      start.push(Buffer.from(bytes));
      kept += bytes.length;
    }
    const type = await typeOf(Buffer.concat(start), kept < size);
    return { sha256: hash.digest("hex"), ...(type === undefined ? {} : { type }) };
  }

  async abort(id: string): Promise<void> {
    await this.#rows.write((tx) => {
      const row = tx.boxes.file(id);
      if (!row) return;
      if (row.state !== "uploading") throw finished(row);
      tx.boxes.removeFile(id);
    });
    await this.#contents.remove(id);
  }

  async judge(id: string, verdict: { clean: true } | { clean: false; reason: string }): Promise<StoredFile> {
    const file = await this.#rows.write((tx) => {
      const row = requireFile(tx, id);
      if (row.state !== "quarantine") throw notReady(row);
      const judged: FileRow = verdict.clean
        ? { ...row, state: "ready" }
        : { ...row, state: "refused", reason: verdict.reason, key: "" };
      tx.boxes.putFile(judged);
      if (!verdict.clean) holderOf(tx, this.#context, row.holderId).bookRefusal(tx, judged);
      this.#log(tx, verdict.clean ? "file.cleared" : "file.refused", judged, verdict.clean ? row.name : verdict.reason);
      return viewFile(judged);
    });
    if (file.state === "refused") await this.#contents.remove(id);
    return file;
  }

  async read(
    id: string,
    reader?: { by: string } | "scanner",
  ): Promise<{ file: StoredFile; content: AsyncIterable<Uint8Array> }> {
    const { row, place } = await this.#rows.write((tx) => {
      const found = requireFile(tx, id);
      const wanted = reader === "scanner" ? "quarantine" : "ready";
      if (found.state !== wanted) throw notReady(found);
      if (reader !== "scanner") {
        const by = reader?.by ?? this.#context.actor;
        this.#log(tx, "file.downloaded", found, `${found.name}, by ${by}`);
        holderOf(tx, this.#context, found.holderId).bookDownload(tx, found, by);
      }
      return { row: found, place: placeOf(tx, found) };
    });
    return { file: viewFile(row), content: this.#contents.read(place, row.size ?? 0) };
  }

  async deleteFile(id: string): Promise<void> {
    await this.#rows.write((tx) => {
      const row = tx.boxes.file(id);
      if (!row) return;
      tx.boxes.removeFile(id);
      this.#log(tx, "file.deleted", row, row.name);
    });
    await this.#contents.remove(id);
  }

  #log(tx: WriteRows, action: string, row: FileRow, detail: string): void {
    const ids = [row.id, ...holderOf(tx, this.#context, row.holderId).eventIds];
    logEvent(tx, this.#context, action, ids, { detail });
  }
}

function placeOf(tx: ReadRows, { id, key }: FileRow): ContentPlace {
  return { vaultId: tx.identity().id, id, key: Buffer.from(key, "base64") };
}

/** How many bytes the file may have. */
function limitOf(holder: FileHolder, { size, received }: FileRow): number {
  return size ?? Math.min(holder.maxFileBytes, received + holder.maxBytes - holder.bytes());
}

/** @throws CoffreError INVALID_INPUT for a size that isn't taken */
function checkSize(holder: FileHolder, size: number): void {
  const { text, maxFileBytes, maxBytes } = holder;
  if (!Number.isSafeInteger(size) || size < 0) throw tooMuch("The size of the file is no number of bytes", holder);
  if (size > maxFileBytes)
    throw tooMuch(`The file has ${size} bytes, and ${text} takes ${maxFileBytes} in one`, holder);
  const declared = holder.files().reduce((sum, file) => sum + Math.max(file.size ?? 0, file.received), 0);
  if (declared + size <= maxBytes) return;
  throw tooMuch(`The file has ${size} bytes, and ${text} takes ${maxBytes} in all and has ${declared} of them`, holder);
}

function tooMuch(problem: string, { boxId }: FileHolder): CoffreError {
  return new CoffreError("INVALID_INPUT", problem, { details: { field: "size", boxId } });
}

/** @throws CoffreError CONFLICT unless more may come from `offset` on */
function requireUploading(row: FileRow, offset: number): void {
  if (row.state !== "uploading") throw finished(row);
  if (row.received === offset) return;
  throw new CoffreError("CONFLICT", `The file ${row.id} goes on at byte ${row.received}, not at ${offset}`, {
    hint: "Send from there.",
    details: { fileId: row.id, received: row.received },
  });
}

function finished({ id, state }: FileRow): CoffreError {
  return new CoffreError("CONFLICT", `The file ${id} is finished`, { details: { fileId: id, state } });
}

function notWhole({ id, received, size = 0 }: FileRow): CoffreError {
  return new CoffreError("CONFLICT", `The file ${id} has ${received} of its ${size} bytes`, {
    hint: "Send the rest first.",
    details: { fileId: id, received },
  });
}

function notReady({ id, state, reason }: FileRow): CoffreError {
  const why: Record<FileRow["state"], string> = {
    uploading: "isn't whole yet",
    quarantine: "is in quarantine until the scanner says that it is clean",
    ready: "isn't in quarantine",
    refused: `was refused by the scanner${reason === undefined ? "" : `: ${reason}`}`,
  };
  return new CoffreError("CONFLICT", `The file ${id} ${why[state]}`, { details: { fileId: id, state } });
}

/** @throws CoffreError NOT_FOUND */
function requireFile(tx: ReadRows, id: string): FileRow {
  const row = tx.boxes.file(id);
  if (row) return row;
  throw new CoffreError("NOT_FOUND", `There is no file ${id}`, { details: { fileId: id } });
}
