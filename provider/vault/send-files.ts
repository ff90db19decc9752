import { createHash, type Hash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CoffreError, isCoffreError } from "../core/errors.js";
import { Secret } from "../core/secret.js";
import type { Files, Transfer, TransferInput, Vault } from "./port.js";

/** A file on this machine that is to be sent. */
export interface OutgoingFile {
  path: string;
  /** As receivers see it. */
  name: string;
  /** Bytes. */
  size: number;
  /** What it was when it was looked at, hex: another content isn't sent. Missing where nobody looked before. */
  sha256?: string;
}

export interface SendOptions {
  files: readonly OutgoingFile[];
  input: TransferInput;
  /** Told how far a file has come: bytes that were read of it. */
  progress?: (file: OutgoingFile, done: number) => void;
  /** Aborted: nothing more is sent, and what came is taken away. */
  signal?: AbortSignal | undefined;
}

/** How often one file's upload is gone on with after an answer that didn't come. */
const MOST_RESUMES = 5;
/** Before each next question whether it is done, so much more. */
const PAUSE_MS = 200;
const READ_BYTES = 1024 * 1024;

/** @throws CoffreError INVALID_INPUT that names what is no file, or two of one name */
export function outgoingFiles(paths: readonly string[]): OutgoingFile[] {
  const files = paths.map((path) => outgoingFile(path));
  refuseSameName(files);
  return files;
}

/** @param name as receivers see it. @throws CoffreError INVALID_INPUT that names what is no file */
export function outgoingFile(path: string, name = basename(path)): OutgoingFile {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return { path, name, size: found.size };
  throw new CoffreError("INVALID_INPUT", `${path} is no file that can be sent`, {
    hint: found?.isDirectory() ? "Pack the folder first: a transfer is of files." : "Name a file that is there.",
  });
}

/** Names that some systems take for one are one: what was downloaded first would be overwritten. @throws CoffreError INVALID_INPUT */
export function refuseSameName(files: readonly Pick<OutgoingFile, "name">[]): void {
  const seen = new Map<string, string>();
  for (const { name } of files) {
    const other = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), name);
    if (other === undefined) continue;
    const problem =
      other === name ? `Two files are called ${name}` : `${name} and ${other} differ in capital letters alone`;
    throw new CoffreError("INVALID_INPUT", problem, { hint: "Rename one of them." });
  }
}

/** Reads a file for what it is now: its size, in bytes, and its SHA-256, hex. @throws CoffreError INVALID_INPUT */
export async function digestFile(file: OutgoingFile): Promise<OutgoingFile & { sha256: string }> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of contentOf(file, 0, {})) hash.update(chunk);
  } catch (error) {
    if (isCoffreError(error)) throw error;
    const { code = "unknown" } = error as NodeJS.ErrnoException; // what the file system throws
    throw new CoffreError("INVALID_INPUT", `${file.path} can't be read (${code})`, {
      hint: "Whoever runs this must be able to read it.",
    });
  }
  return { ...file, sha256: hash.digest("hex") };
}

/**
 * Sends files: makes a transfer, uploads each, and opens its link. If that fails, or is given up, what came is taken away. For
 * `input.encryptedFor` each is encrypted before it leaves this process.
 * @throws CoffreError what the port says; UNREACHABLE where nobody knows whether it is sent: then it stays as it is; INVALID_INPUT for a file that changed while it was sent; INTERRUPTED
 */
export async function sendFiles(vault: Vault, options: SendOptions): Promise<{ transfer: Transfer; link: Secret }> {
  const { files, input } = options;
  const { transfers } = vault.boxes;
  const { transfer, link } = await transfers.create(input);
  const { id } = transfer;
  let mayBeSent = false;
  try {
    for (const file of files) await sendOne(vault, id, file, options);
    mayBeSent = true;
    return { transfer: await untilAnswered(() => transfers.send(id, link), options), link };
  } catch (error) {
    const seen = mayBeSent ? await transfers.read(id).catch(() => undefined) : transfer;
    if (seen?.sentAt !== undefined) return { transfer: seen, link };
    if (!seen) throw inDoubt(id, error);
    const token = input.owner?.token;
    // Tidying takes it away, too.
    await transfers.archive(id, token === undefined ? {} : { token }).catch(() => undefined);
    throw error;
  }
}

/** Its mails may be out: to take it away now would leave receivers with a link that opens nothing. */
function inDoubt(id: string, cause: unknown): CoffreError {
  return new CoffreError("UNREACHABLE", `The vault didn't answer whether the transfer ${id} is sent`, {
    hint: "Its receivers may have the link by now. If they haven't, send it again: this one expires by itself.",
    details: { transferId: id },
    cause,
  });
}

/** A new key of age's, and the recipient that encrypts for it: for `input.encryptedFor`. */
export async function newSeal(): Promise<{ key: Secret; recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const key = await generateX25519Identity();
  return { key: new Secret(key), recipient: await identityToRecipient(key) };
}

async function sendOne(vault: Vault, transferId: string, file: OutgoingFile, options: SendOptions): Promise<void> {
  const { encryptedFor } = options.input;
  if (encryptedFor !== undefined) return sendSealed(vault.boxes.files, transferId, file, { ...options, encryptedFor });
  const { files } = vault.boxes;
  const { id } = await files.create({ depositId: transferId, name: file.name, size: file.size });
  await append(files, id, file, options);
  const { sha256 } = await untilAnswered(() => files.finish(id), options);
  if (file.sha256 !== undefined && sha256 !== file.sha256) throw changed(file);
}

/** Encrypts on the way, as `<name>.age`. A second try has other bytes, so that a cut begins the file anew. */
async function sendSealed(
  files: Files,
  transferId: string,
  file: OutgoingFile,
  options: SendOptions & { encryptedFor: string },
): Promise<void> {
  const { Encrypter } = await import("age-encryption"); // only who asks for it waits for it
  const encrypter = new Encrypter();
  encrypter.addRecipient(options.encryptedFor);
  for (let resumed = 0; ; resumed++) {
    const hash = createHash("sha256");
    const sealed = await encrypter.encrypt(ReadableStream.from(hashed(contentOf(file, 0, options), hash)));
    const size = sealed.size(file.size);
    const { id } = await files.create({ depositId: transferId, name: `${file.name}.age`, size });
    try {
      await files.append(id, 0, sealed);
    } catch (error) {
      if (!mayResume(error, resumed, options)) throw error;
      await files.abort(id);
      continue;
    }
    if (file.sha256 !== undefined && hash.digest("hex") !== file.sha256) throw changed(file);
    await untilAnswered(() => files.finish(id), options);
    return;
  }
}

/** Asks again where no answer came: what is finished or sent stays as it is, and says so. */
async function untilAnswered<Answer>(ask: () => Promise<Answer>, options: SendOptions): Promise<Answer> {
  for (let resumed = 0; ; resumed++) {
    try {
      return await ask();
    } catch (error) {
      // Locked by the one before, which a server carries out though nobody waits for it any more.
      const isUnderWay = resumed > 0 && isCoffreError(error, "LOCKED") && resumed < MOST_RESUMES;
      if (!isUnderWay && !mayResume(error, resumed, options)) throw error;
      await pause(resumed * PAUSE_MS);
    }
  }
}

/** Goes on where the vault says that it has come, after an answer that didn't come. */
async function append(files: Files, id: string, file: OutgoingFile, options: SendOptions): Promise<void> {
  let offset = 0;
  for (let resumed = 0; ; resumed++) {
    try {
      await files.append(id, offset, contentOf(file, offset, options));
      return;
    } catch (error) {
      if (!mayResume(error, resumed, options)) throw error;
      offset = (await files.readFile(id)).received;
    }
  }
}

function mayResume(error: unknown, resumed: number, { signal }: SendOptions): boolean {
  const isCut = isCoffreError(error, "UNREACHABLE") || isCoffreError(error, "INTERRUPTED");
  return isCut && resumed < MOST_RESUMES && signal?.aborted !== true;
}

async function* contentOf(
  file: OutgoingFile,
  start: number,
  { progress, signal }: Pick<SendOptions, "progress" | "signal">,
): AsyncIterable<Uint8Array> {
  let done = start;
  for await (const chunk of createReadStream(file.path, { start, highWaterMark: READ_BYTES })) {
    if (signal?.aborted) throw new CoffreError("INTERRUPTED", "The files were not sent");
    const bytes = chunk as Uint8Array; // no encoding was set
    done += bytes.length;
    progress?.(file, done);
    yield bytes;
  }
  if (done !== file.size) throw changed(file);
}

/** The same bytes, which a hash sees as they pass. */
async function* hashed(bytes: AsyncIterable<Uint8Array>, hash: Hash): AsyncIterable<Uint8Array> {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

function changed({ path }: OutgoingFile): CoffreError {
  return new CoffreError("INVALID_INPUT", `${path} changed while it was sent`, {
    hint: "Nobody got it. Send it again once nothing writes to it.",
  });
}
