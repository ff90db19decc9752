import type { Secret } from "../core/secret.js";
import type { StoredFile } from "./port-files.js";
import type { Owner, OwnerProof } from "./port.js";

/**
 * Transfers: files that go out. Whoever has the link of one opens its page on `coffre serve`, until it expires, its downloads
 * are used or its sender ends it. The errors are those of the vault's other methods.
 *
 * A transfer is made, gets its files (`Boxes.files`, under its own id), and is sent. The vault keeps a keyed digest of the link's
 * secret, so that nobody finds the link in it.
 */
export interface Transfers {
  /**
   * Begins a transfer, which nobody can open yet.
   * @throws NOT_FOUND if the category is gone; INVALID_INPUT for an address, a time, a number or a password
   */
  create(input: TransferInput): Promise<NewTransfer>;
  /** Archived transfers are answered too. @throws NOT_FOUND */
  read(id: string): Promise<Transfer>;
  /**
   * Changes what is given. A password that is set, or taken away, ends a lock.
   * @param link if it is given, addresses that are new are told of the transfer
   * @throws NOT_FOUND; what `create` throws; CONFLICT for a foreign token, or once it is archived; FORBIDDEN for a link that isn't its own
   */
  update(id: string, patch: TransferPatch, link?: Secret): Promise<Transfer>;
  /**
   * Opens the link. Files that are unfinished are taken away. Sent already is a success, and tells nobody again.
   * @param link if it is given, everybody in `to` is told by mail, booked in the same write
   * @throws NOT_FOUND; CONFLICT if no file is whole, or it is archived; FORBIDDEN for a link that isn't its own
   */
  send(id: string, link?: Secret): Promise<Transfer>;
  /**
   * Ends the transfer, removes what it sent, and lets go of mail about it that wasn't sent; names, sizes and digests of the files stay.
   * Archived or gone already is a success.
   * @throws CONFLICT if the token isn't the owner's
   */
  archive(id: string, proof: OwnerProof): Promise<void>;
  /** Live transfers, or the archived ones instead, in the order in which they were made. */
  list(filter?: { archived?: boolean }): AsyncIterable<Transfer>;
  /** The live transfer that carries the mark of this owner key. @throws CONFLICT if there are two */
  findOwned(ownerKey: string): Promise<string | undefined>;
}

/**
 * What whoever has a link may do. It is asked of the vault's own machine, by the pages of `coffre serve`: a `SharedVault` has
 * it. A link that was never one, and one that has ended, are one and the same NOT_FOUND to whoever guesses.
 */
export interface TransferLinks {
  /** The transfer behind a link, once it was sent. @throws NOT_FOUND */
  open(link: Secret): Promise<Transfer>;
  /**
   * Compares a password, and counts those that are wrong: after ten in a row the transfer is locked, until its sender sets another.
   * @throws NOT_FOUND; FORBIDDEN for a wrong one; LOCKED
   */
  unlock(link: Secret, password: Secret): Promise<void>;
  /**
   * The content of one of its files. It counts as a download when it begins, durably, and no more once it was cut before its end:
   * of one file ten times, so that nobody reads for ever by cutting. Who asks has proven the password.
   * @param by who reads, for the log: an address of the network
   * @throws NOT_FOUND; CONFLICT with `details.status` if it isn't open, or no download of this file is left; CORRUPT
   */
  download(link: Secret, fileId: string, by: string): Promise<{ file: StoredFile; content: AsyncIterable<Uint8Array> }>;
}

export interface TransferInput {
  /** Where it stands: whose grants say who may look at it and end it. `null` is the root. */
  categoryId: string | null;
  /** Who sends, as receivers read it: one line of at most 200 characters. */
  from: string;
  /** E-mail addresses of those who are told, whatever their capital letters each once. Default: nobody, and the sender hands the link over. */
  to?: string[];
  /** For the receivers, at most 4,000 characters. */
  message?: string;
  /** Nobody opens it from then on. ISO 8601 with a zone, at most 366 days ahead. */
  expiresAt: string;
  /** How often each file may be downloaded, 1 to 10,000. Default: any number of times. */
  maxDownloads?: number;
  /** What the page asks for first: 8 to 1,024 characters. Kept as a digest. Default: nothing. */
  password?: Secret;
  /**
   * The age recipient (`age1…`) for which whoever sends has encrypted the files, so that the vault can't read them: its page
   * decrypts them in the browser, by a key that the vault never has. Default: the vault alone seals them.
   */
  encryptedFor?: string;
  owner?: Owner;
}

/** `null` takes away what is optional. */
export interface TransferPatch extends OwnerProof {
  to?: string[];
  message?: string | null;
  expiresAt?: string;
  maxDownloads?: number | null;
  password?: Secret | null;
  owner?: Owner;
}

export interface NewTransfer {
  transfer: Transfer;
  /** What stands behind `/transfers/` in its page's address: the id and a secret of 256 bits. Nobody is told it again. */
  link: Secret;
}

/**
 * `draft`: being made. `open`: its link works. `used`: no download is left. `locked`: too many wrong passwords. `expired`: its
 * time is over. `archived`: it has ended, and its contents are gone.
 */
export type TransferStatus = "draft" | "open" | "used" | "locked" | "expired" | "archived";

export interface Transfer {
  /** `tr_…` */
  id: string;
  categoryId: string | null;
  from: string;
  to: string[];
  message?: string;
  /** ISO 8601, UTC. */
  expiresAt: string;
  maxDownloads?: number;
  hasPassword: boolean;
  /** Since when it has this one; missing without. */
  passwordSetAt?: string;
  /** As it was given: see {@link TransferInput.encryptedFor}. */
  encryptedFor?: string;
  owned: boolean;
  createdAt: string;
  sentAt?: string;
  archivedAt?: string;
  status: TransferStatus;
  /** In the order in which they were begun. */
  files: TransferFile[];
  /** Downloads of all its files, those under way among them. */
  downloadCount: number;
}

/** A file of a transfer; of an archived one, what it was. */
export interface TransferFile {
  id: string;
  name: string;
  /** Bytes; missing while it comes. */
  size?: number;
  /** Of the whole content, hex. */
  sha256?: string;
  /** Downloads, those under way among them. */
  downloads: number;
}
