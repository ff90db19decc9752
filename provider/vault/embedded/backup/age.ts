import { createReadStream } from "node:fs";
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { CoffreError } from "../../../core/errors.js";
import { Secret } from "../../../core/secret.js";
import { systemCode } from "../native-error.js";
import { corruptBackup } from "./parse.js";

const CHUNK_BYTES = 256 * 1024;
const AGE_MAGIC = "age-encryption.org/";

/**
 * Encrypts what the lines say for all recipients, in chunks, never holding more than some of them.
 * @throws CoffreError INVALID_INPUT for a text that is no recipient; whatever `lines` throws
 */
export async function* encryptLines(
  lines: Iterable<string>,
  recipients: readonly string[],
): AsyncGenerator<Uint8Array, void> {
  const encrypter = encrypterFor(recipients);
  const clear = ReadableStream.from<Uint8Array>(chunksOf(lines));
  yield* await encrypter.encrypt(clear);
}

/** @throws CoffreError INVALID_INPUT, before anything is read */
export function checkRecipients(recipients: readonly string[]): void {
  encrypterFor(recipients);
}

/** What encrypts for all recipients. @throws CoffreError INVALID_INPUT for a text that is no recipient */
export function encrypterFor(recipients: readonly string[]): Encrypter {
  if (recipients.length === 0) {
    throw new CoffreError("INVALID_INPUT", "A backup needs a recipient, or nobody could ever read it", {
      hint: "Give --recipient age1… or --recipients-file; `coffre vault backup --help` says how to make one.",
    });
  }
  const encrypter = new Encrypter();
  for (const [index, recipient] of recipients.entries()) {
    if (/^AGE-SECRET-KEY-/i.test(recipient)) {
      throw new CoffreError("INVALID_INPUT", `Recipient ${index + 1} is an identity: the secret that opens backups`, {
        hint: "Give its public part, age1…, and make a new identity: this one may have been seen.",
      });
    }
    try {
      encrypter.addRecipient(recipient);
    } catch {
      throw new CoffreError("INVALID_INPUT", `Recipient ${index + 1} is no age recipient`, {
        hint: "It begins with age1 and is copied as a whole.",
      });
    }
  }
  return encrypter;
}

function* chunksOf(lines: Iterable<string>): Iterable<Uint8Array> {
  let parts: string[] = [];
  let length = 0;
  for (const line of lines) {
    parts.push(line);
    length += line.length;
    if (length < CHUNK_BYTES) continue;
    yield Buffer.from(parts.join(""), "utf8");
    [parts, length] = [[], 0];
  }
  yield Buffer.from(parts.join(""), "utf8");
}

/**
 * The clear bytes of an age file, while it is read.
 * @throws CoffreError NOT_FOUND, FORBIDDEN, CORRUPT; WRONG_KEY if no identity opens it
 */
export async function* decryptFile(path: string, identities: readonly Secret[]): AsyncGenerator<Uint8Array, void> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity.reveal());
  const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  stream.on("error", () => undefined); // who reads it is told
  try {
    const file = ReadableStream.from<Uint8Array>(readAll(path, stream));
    const clear = await decrypter.decrypt(file).catch((error: unknown) => {
      throw mapHeaderError(path, error);
    });
    yield* readClear(path, clear);
  } finally {
    stream.destroy(); // whoever stops in the middle leaves no file open
  }
}

async function* readClear(path: string, clear: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* clear;
  } catch (error) {
    if (error instanceof CoffreError) throw error;
    throw corruptBackup(`${path} is cut short or was altered`, error);
  }
}

async function* readAll(path: string, stream: AsyncIterable<Buffer>): AsyncIterable<Uint8Array> {
  let first = true;
  try {
    for await (const chunk of stream) {
      if (first && !chunk.toString("latin1", 0, AGE_MAGIC.length).startsWith(AGE_MAGIC)) {
        throw corruptBackup(`${path} is no age file`);
      }
      first = false;
      yield chunk;
    }
  } catch (error) {
    throw mapFileError(path, error);
  }
  if (first) throw corruptBackup(`${path} is empty`);
}

function mapFileError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof CoffreError || code === undefined) return error;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new CoffreError("NOT_FOUND", `There is no backup at ${path}`, { hint: "Check the path.", cause: error });
  }
  if (code === "EISDIR") return corruptBackup(`${path} is a folder`);
  return new CoffreError("FORBIDDEN", `The backup ${path} can't be read by this user (${code})`, { cause: error });
}

function mapHeaderError(path: string, error: unknown): unknown {
  if (error instanceof CoffreError) return error;
  if (error instanceof Error && error.message.includes("no identity matched")) {
    return new CoffreError("WRONG_KEY", `The backup ${path} was made for another recipient`, {
      hint: "Give the identity whose recipient (age1…) the backup was made for. Nothing was changed.",
    });
  }
  return corruptBackup(`${path} is cut short or was altered: its header doesn't open`, error);
}

/** Identities of an age identity file: one a line, comments begin with #. @throws CoffreError INVALID_INPUT */
export function parseIdentities(text: Secret): Secret[] {
  const lines = text
    .reveal()
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of lines) {
    try {
      new Decrypter().addIdentity(line);
    } catch {
      throw notAnIdentity();
    }
  }
  if (lines.length === 0) throw notAnIdentity();
  return lines.map((line) => new Secret(line));
}

function notAnIdentity(): CoffreError {
  return new CoffreError("INVALID_INPUT", "The identity file holds no age identity", {
    hint: "It has lines that begin with AGE-SECRET-KEY-, as `age-keygen` writes them; one with a passphrase is decrypted first.",
  });
}

/** An identity that lives as long as this process. */
export async function throwAwayIdentity(): Promise<{ identity: Secret; recipient: string }> {
  const identity = await generateX25519Identity();
  return { identity: new Secret(identity), recipient: await identityToRecipient(identity) };
}
