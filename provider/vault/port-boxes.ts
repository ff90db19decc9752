import type { Files, StoredFile } from "./port-files.js";
import type { Transfers } from "./port-transfers.js";
import type { Owner, OwnerProof } from "./port.js";

/**
 * Drop-boxes: what people outside are asked for, who may put it there, and what they deposited. A vault with
 * `capabilities.dropBoxes` has them. The errors are those of the vault's other methods.
 *
 * A box stands in a category, whose grants say who may look at it, change it and delete it. Its *recipients* and *managers* are
 * e-mail addresses, of people who needn't be known to the vault: they are told of the box by mail, which is booked in
 * the same write, and come by the pages of `coffre serve`.
 */
export interface Boxes {
  /** Contents of what is deposited, and of what is sent. */
  readonly files: Files;
  /** Files that go out. */
  readonly transfers: Transfers;

  /**
   * @throws CONFLICT if a live box of the category has the name, or if it is another stack's and is to be replaced;
   * NOT_FOUND if the category is gone; INVALID_INPUT for a name, an address, a time, a size or a type
   */
  createBox(input: DropBoxInput): Promise<DropBox>;
  /** Archived boxes are answered too. @throws NOT_FOUND */
  readBox(id: string): Promise<DropBox>;
  /** Changes what is given. People who are new in it are told. @throws NOT_FOUND; what `createBox` throws; CONFLICT for a foreign token */
  updateBox(id: string, patch: DropBoxPatch): Promise<DropBox>;
  /**
   * Takes the box from its recipients and out of the list, and gives its name free; what was deposited stays, readable by id.
   * Archived or gone already is a success. @throws CONFLICT if the token isn't the owner's
   */
  archiveBox(id: string, proof: OwnerProof): Promise<void>;
  /**
   * Deletes the box with all that was deposited. Gone already is a success.
   * @throws CONFLICT if the token isn't the owner's, or with `details.deposits` if it is to be empty and isn't
   */
  deleteBox(id: string, removal: DropBoxRemoval): Promise<void>;
  /** The live box of this name in the category. */
  findBox(categoryId: string | null, name: string): Promise<DropBox | undefined>;
  /** Live boxes by path, or the archived ones instead. */
  listBoxes(filter?: { archived?: boolean }): AsyncIterable<DropBox>;
  /** The live box that carries the mark of this owner key. @throws CONFLICT if there are two */
  findOwnedBox(ownerKey: string): Promise<string | undefined>;

  /**
   * Begins a deposit, to which files are added (`files.create`) until it is submitted.
   * @throws NOT_FOUND; CONFLICT with `details.status` if the box isn't open; FORBIDDEN if `by` is no address of the box
   */
  openDeposit(boxId: string, input: DepositInput): Promise<Deposit>;
  /** @throws NOT_FOUND */
  readDeposit(id: string): Promise<Deposit>;
  /**
   * Ends the deposit: whoever made it gets a receipt, the managers are told. Files that are unfinished are taken away. Submitted
   * already is a success. @throws NOT_FOUND; CONFLICT if no file is whole, or the box is closed
   * @param input.note in place of the one with which it was begun
   */
  submitDeposit(id: string, input?: Pick<DepositInput, "note">): Promise<Deposit>;
  /** With its files. Gone already is a success. */
  deleteDeposit(id: string): Promise<void>;
  /** In the order in which they were begun. @param filter.by of this person only: in a partitioned box, that is what a recipient sees */
  listDeposits(boxId: string, filter?: { by?: string }): AsyncIterable<Deposit>;
  /**
   * Archives boxes whose time has come and transfers that have ended, deletes what was kept long enough and uploads that nobody went on with for a week.
   * For whoever looks after the vault, about once an hour. @returns what was done
   */
  tidy(): Promise<TidyReport>;
}

export interface DropBoxInput {
  /** By the rules of a category's name; unique among the live boxes of its category. */
  name: string;
  /** `null` is the root. */
  categoryId: string | null;
  /** E-mail addresses of those who may deposit. Capital letters don't count: of two spellings the first is kept, here and below. */
  recipients: string[];
  /** E-mail addresses of those who see all deposits and may change the box on its page. They may deposit too. Default: none. */
  managers?: string[];
  /** What is wanted: in the mail and on the page. At most 4,000 characters. */
  description?: string;
  /** Nothing can be deposited from then on. ISO 8601 with a zone. Default: never. */
  expiresAt?: string;
  /** It is archived from then on; not before `expiresAt`. ISO 8601 with a zone. Default: never by itself. */
  archivesAt?: string;
  /** A recipient sees only what that recipient deposited. Default false. */
  partitioned?: boolean;
  /** Managers are told of each deposit. Default true. */
  depositNotice?: boolean;
  /** Managers are told of each download. Default false. */
  downloadNotice?: boolean;
  /** False closes it to its recipients. Default true. */
  enabled?: boolean;
  /** Largest file, bytes. Default: 10 GB. */
  maxFileBytes?: number;
  /** All its files together, bytes. Default: 50 GB. */
  maxBytes?: number;
  /** What a file may be, by its content, as names end: `pdf`, `xlsx`. `txt` stands for text, which has no mark of its own. Default: anything. */
  fileTypes?: string[];
  /** A deposit is deleted so many days after it was submitted. Default: never. */
  keepDays?: number;
  /** Telephone numbers, kept as they are for whoever reads them. */
  phones?: string[];
  /** `replace`: a live box of this name in the category is archived in the same write. Default `fail`. */
  onNameConflict?: "fail" | "replace";
  owner?: Owner;
}

/** `null` takes away what is optional. */
export interface DropBoxPatch extends OwnerProof {
  name?: string;
  categoryId?: string | null;
  recipients?: string[];
  managers?: string[];
  description?: string | null;
  expiresAt?: string | null;
  archivesAt?: string | null;
  partitioned?: boolean;
  depositNotice?: boolean;
  downloadNotice?: boolean;
  enabled?: boolean;
  maxFileBytes?: number | null;
  maxBytes?: number | null;
  fileTypes?: string[] | null;
  keepDays?: number | null;
  phones?: string[];
  owner?: Owner;
}

/** How a box is deleted. */
export interface DropBoxRemoval extends OwnerProof {
  /** Refused, in the same write, while anything of a deposit is in it. Default false. */
  onlyEmpty?: boolean;
}

/** `open`: takes deposits. `expired`: its time is over. `closed`: it isn't enabled. `archived`: out of the list. */
export type DropBoxStatus = "open" | "expired" | "closed" | "archived";

export interface DropBox {
  id: string;
  name: string;
  categoryId: string | null;
  /** Names of the categories and, last, its own; of an archived box the path it had. */
  path: string[];
  recipients: string[];
  managers: string[];
  description?: string;
  /** ISO 8601, UTC. */
  expiresAt?: string;
  archivesAt?: string;
  partitioned: boolean;
  depositNotice: boolean;
  downloadNotice: boolean;
  enabled: boolean;
  maxFileBytes?: number;
  maxBytes?: number;
  fileTypes?: string[];
  keepDays?: number;
  phones: string[];
  owned: boolean;
  createdAt: string;
  archivedAt?: string;
  status: DropBoxStatus;
  /** How many deposits were submitted and are still there. */
  depositCount: number;
  /** Bytes of all its files, unfinished ones as far as they have come. */
  bytes: number;
  /** Its page, where a server shows one. */
  url?: string;
}

export interface DepositInput {
  /** Who deposits: an address of the box, or anybody where somebody deposits who may change the box (`inside`). */
  by: string;
  /** True for somebody who has a right in the box's category, or the vault's key. Default false. */
  inside?: boolean;
  /** For the managers, at most 4,000 characters. */
  note?: string;
}

export interface Deposit {
  /** `dp_…` */
  id: string;
  boxId: string;
  by: string;
  note?: string;
  /** ISO 8601, UTC. */
  openedAt: string;
  /** Missing while it is being made. */
  submittedAt?: string;
  /** In the order in which they were begun. */
  files: StoredFile[];
}

/** What {@link Boxes.tidy} did: ids. */
export interface TidyReport {
  archivedBoxes: string[];
  deletedDeposits: string[];
  abortedFiles: string[];
  archivedTransfers: string[];
}
