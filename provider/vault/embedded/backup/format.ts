import { createHash, sign, verify } from "node:crypto";
import * as z from "zod";
import { CoffreError } from "../../../core/errors.js";
import { CURVE_KEY_BYTES, privateKeyOf, publicBytesOf, publicKeyOf } from "../curve-keys.js";
import { encodeParts } from "../format.js";

/** The format of backups that this release writes, and the newest that it reads: `docs/backup-format.md`. */
export const BACKUP_FORMAT = 2;

/** What the first line of a backup says. */
export interface BackupHeader {
  /** Its format, which is the one of the vault: it says which tables follow. */
  coffreBackup: number;
  /** ISO 8601, UTC: the moment of the snapshot. */
  takenAt: string;
  vault: {
    id: string;
    name: string;
    /** ISO 8601, UTC. */
    createdAt: string;
    keyNumber: number;
    restoreCounter: number;
    /** The log's end in this snapshot. */
    head: { block: number; seq: number; mac: string };
    /** Hex. See `VaultKeys.learnLastingKey`. */
    lastingKey: string;
  };
}

/** What the last line says. */
export interface BackupEnd {
  /** How many rows each table has. */
  rows: Record<string, number>;
  /** How many blocks the log has. */
  blocks: number;
  /** SHA-256 of every byte before this line, hex. */
  sha256: string;
  /** Who signed it: {@link signerText}. */
  signer: string;
  signature: string;
}

const COUNT = z.int().nonnegative();
const KEY_HEX = /^[0-9a-f]{64}$/;

/** Only what is needed to refuse a newer one by its number. */
export const AnyHeader = z.looseObject({ coffreBackup: z.int() });

export const HeaderLine: z.ZodType<BackupHeader> = z.object({
  coffreBackup: z.int().min(1).max(BACKUP_FORMAT),
  takenAt: z.iso.datetime(),
  vault: z.object({
    id: z.uuid(),
    name: z.string().min(1),
    createdAt: z.iso.datetime(),
    keyNumber: z.int().positive(),
    restoreCounter: COUNT,
    head: z.object({ block: COUNT, seq: COUNT, mac: z.string().regex(KEY_HEX) }),
    lastingKey: z.string().regex(KEY_HEX),
  }),
});

export const EndLine = z.object({
  end: z.object({
    rows: z.record(z.string(), COUNT),
    blocks: COUNT,
    sha256: z.string().regex(KEY_HEX),
    signer: z.string(),
    signature: z.string(),
  }),
});

const SIGNER_PREFIX = "coffre-backup-key-1:";

/** A vault's public backup key, as people note it: it is the same in every backup of the vault until it is re-keyed. */
export function signerText(signingKey: Uint8Array): string {
  return SIGNER_PREFIX + publicBytesOf(privateKeyOf("ed25519", signingKey)).toString("base64url");
}

/** @throws CoffreError INVALID_INPUT for a text that is no vault's backup key */
export function checkSigner(text: string): string {
  const trimmed = text.trim();
  if (signerBytes(trimmed)) return trimmed;
  throw new CoffreError("INVALID_INPUT", "The backup key isn't one that `coffre vault backup` printed", {
    hint: `Its form: ${SIGNER_PREFIX} and 43 characters.`,
    details: { field: "signed-by" },
  });
}

export function signEnd(
  signingKey: Uint8Array,
  format: number,
  end: Omit<BackupEnd, "signer" | "signature">,
): BackupEnd {
  const signature = sign(null, signedText(format, end), privateKeyOf("ed25519", signingKey)).toString("base64url");
  return { ...end, signer: signerText(signingKey), signature };
}

/** True if whoever has the key that `signer` names signed exactly this. */
export function isSigned(format: number, end: BackupEnd): boolean {
  const key = signerBytes(end.signer);
  if (!key) return false;
  const signature = Buffer.from(end.signature, "base64url");
  // Written back, so that no character is skipped over: the decoder takes any.
  if (signature.toString("base64url") !== end.signature) return false;
  return verify(null, signedText(format, end), publicKeyOf("ed25519", key), signature);
}

function signedText(format: number, { rows, blocks, sha256 }: Omit<BackupEnd, "signer" | "signature">): Buffer {
  const counts = Object.entries(rows).flat();
  return Buffer.from(encodeParts(["coffre backup", format, sha256, blocks, ...counts]));
}

function signerBytes(text: string): Buffer | undefined {
  if (!text.startsWith(SIGNER_PREFIX)) return undefined;
  const bytes = Buffer.from(text.slice(SIGNER_PREFIX.length), "base64url");
  const whole = bytes.length === CURVE_KEY_BYTES && SIGNER_PREFIX + bytes.toString("base64url") === text;
  return whole ? bytes : undefined;
}

/** Of every byte before the last line. */
export function newDigest() {
  return createHash("sha256");
}
