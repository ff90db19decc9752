import type { Secret } from "../../core/secret.js";

/** The fields that every entry has, by their names in the file; what else stands there is somebody's own. */
export const STANDARD_FIELDS = {
  title: "Title",
  username: "UserName",
  password: "Password",
  url: "URL",
  notes: "Notes",
};

/** What a KeePass file holds, without any type of the library that reads it. */
export interface KdbxContent {
  /** Of its root group, for ever: 16 bytes in base64. */
  id: string;
  /** The database's name; empty where nobody gave one. */
  name: string;
  /** Parents before children. The root itself is none of them. */
  groups: KdbxGroup[];
  entries: KdbxEntry[];
}

export interface KdbxGroup {
  /** UUID in base64. */
  id: string;
  /** `null` below the root. */
  parentId: string | null;
  name: string;
  notes: string;
  /** The recycle bin, or in it. */
  isDeleted: boolean;
}

export interface KdbxEntry {
  /** UUID in base64. */
  id: string;
  /** `null` in the root. */
  groupId: string | null;
  createdAt: Date;
  /** Oldest first; the last one is the entry as it is. At least one. */
  states: KdbxState[];
  /** What other programs keep with an entry, by a name of their own; Coffre's begins with `coffre`. */
  customData: Readonly<Record<string, string>>;
}

/** An entry at one time: KeePass keeps earlier ones whole. */
export interface KdbxState {
  /** When it became so; the format counts whole seconds. */
  at: Date;
  title: string;
  username: string;
  url: string;
  notes: string;
  tags: string[];
  password: Secret;
  /** Fields that people added, and those of programs such as `otp`. */
  strings: { name: string; value: Secret; isProtected: boolean }[];
  files: { name: string; bytes: Uint8Array }[];
  /** When it expires, if it does. */
  expiresAt?: Date;
}

/** What opens a file: a passphrase, a key file's bytes, or both. */
export interface KdbxKey {
  passphrase?: Secret;
  keyFile?: Uint8Array;
}
