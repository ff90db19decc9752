import type { Directory } from "./directory.js";
import type { CredentialDocument } from "./documents.js";

/** A document was written by somebody else since it was seen: the work is done again. Never reaches a vault's caller. */
export class CasConflict extends Error {
  override readonly name = "CasConflict";
}

/** What stands at a path. */
export interface Kept {
  /** The version for the next `cas`; 0 if there never was one. */
  version: number;
  /** `undefined` if there is none, or the newest was deleted. */
  data: Record<string, unknown> | undefined;
}

/** Where documents are kept, each at a path of names. */
export interface DocumentStorage {
  /** Bytes of JSON that one document may have. Missing where nothing limits it. */
  readonly largestBytes?: number;
  read(path: readonly string[]): Promise<Kept>;
  /**
   * Writes if the path is still at the version `cas`; 0 means that nothing was ever written there.
   * @returns the new version. @throws CasConflict
   */
  write(path: readonly string[], data: Record<string, unknown>, cas: number): Promise<number>;
  /** Removes the path with all its versions; one that is gone is a success. */
  remove(path: readonly string[]): Promise<void>;
  /** For messages. */
  pathText(path: readonly string[]): string;
}

/** The path of each document. */
export interface DocumentPaths {
  /** Who the vault is. */
  readonly identity: string[];
  readonly directory: string[];
  credential(id: string): string[];
  /** A large value, by its random name. */
  value(id: string, at: string): string[];
  /** @param digest keyed, of an account or a host */
  logins(digest: string): string[];
}

/** Where people read a credential, and what the storage has to remember of it. */
export type ShownEntry = NonNullable<CredentialDocument["entry"]>;

/** A value of a document: the text itself, or the name of the document that it stands in. */
export type Part = { text: string } | { at: string };

/** What people read of one version. */
export interface ShownVersion {
  password: Part;
  /** The login that it is for, if that is another than before. */
  username?: string;
}

/** Keeps what people read as the credentials' documents say. Everything here may be done twice. */
export interface EntryKeeper {
  /** True if entries have to be moved when a category above them is. */
  readonly movesAlong: boolean;
  /** Where people read a credential; `undefined` for one that is out of the tree. */
  placeOf(directory: Directory, document: Pick<CredentialDocument, "row">): string[] | undefined;
  /**
   * Refuses places where something stands that isn't Coffre's: other people's entries are never touched.
   * @throws CoffreError CONFLICT that names it
   */
  checkFree(wanted: readonly { id: string; path: readonly string[] }[], directory: Directory): Promise<void>;
  /** What a new credential's document will say of its entry; before that document is written. */
  begin(document: CredentialDocument, path: string[]): Promise<ShownEntry | undefined>;
  /** Shows a credential whose document was made just now. @returns true if it is as the document says */
  show(document: CredentialDocument, path: readonly string[]): Promise<boolean>;
  /** Before a target is changed: proves that what people read can be changed after it. @throws CoffreError FORBIDDEN */
  checkEditable(document: CredentialDocument): Promise<void>;
  /** Shows a new password, and whose it is, before it is written down as current. @throws CasConflict */
  promote(before: CredentialDocument, shown: ShownVersion): Promise<ShownEntry>;
  /**
   * Brings what people read to what the credential's document says, and the document to where it is.
   * @param version of the document, for its next `cas`
   * @param path where people are to read it; `undefined` for one that is out of the tree
   * @throws CasConflict
   */
  settle(document: CredentialDocument, version: number, path: string[] | undefined): Promise<void>;
  /** Takes it away, unless it is another's by now. */
  remove(id: string, entry: ShownEntry): Promise<void>;
}
