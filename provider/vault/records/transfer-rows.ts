import type { OwnerRow } from "./rows.js";

/** What transfers ask of a storage, inside the transactions of its `Rows`: the same promises hold. */
export interface ReadTransfers {
  transfer(id: string): TransferRow | undefined;
  /** Archived ones too, in the order in which they were made. */
  transfers(): TransferRow[];
  /** Ids of transfers, archived ones too, that carry the mark. */
  transfersMarked(mark: string): string[];
}

export interface WriteTransfers extends ReadTransfers {
  putTransfer(row: TransferRow): void;
}

export interface TransferRow {
  id: string;
  /** The id once more: transfers stand among the drop-boxes, and these have names. */
  name: string;
  categoryId: string | null;
  from: string;
  to: string[];
  message?: string;
  encryptedFor?: string;
  /** ISO 8601, UTC. */
  expiresAt: string;
  maxDownloads?: number;
  owner?: OwnerRow;
  createdAt: string;
  sentAt?: string;
  /** Of the link's secret, under the vault's key. */
  linkDigest: string;
  password?: PasswordRow;
  /** Wrong passwords since the last right one; missing for none. */
  wrong?: number;
  /** By file; missing where nobody has begun one. */
  downloads: Record<string, { count: number; cut: number }>;
  /** Set once it has ended, with what its files were. */
  archived?: { at: string; files: { id: string; name: string; size: number; sha256: string }[] };
}

/** What is kept of a password. */
export interface PasswordRow {
  /** Base64. */
  salt: string;
  /** Of what argon2id makes of the password, under the vault's key. */
  digest: string;
  /** ISO 8601, UTC. */
  setAt: string;
}

/** Tells a transfer from a drop-box by its id. */
export function isTransferId(id: string): boolean {
  return id.startsWith("tr_");
}
