import { closeSync, openSync, readSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { checkHeader, HEADER_BYTES } from "./format.js";
import { systemCode } from "./native-error.js";
import { isWritable, readOnly } from "./sqlite.js";

/** Answers the type of the file system that holds a folder, as statfs(2) numbers them. */
export type FileSystemType = (folder: string) => number;

export const fileSystemType: FileSystemType = (folder) => statfsSync(folder).type;

/**
 * File systems that other machines can write at the same time, or whose locks end at this machine (statfs(2),
 * linux/magic.h). FUSE is among them since it doesn't say what is behind it: sshfs as much as a local disk.
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9P"],
  [0x65735546, "FUSE"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
]);

/** @throws CoffreError NETWORK_FILE_SYSTEM. Elsewhere than on Linux the numbers mean something else: nothing is checked. */
export function checkFileSystem(path: string, typeOf: FileSystemType): void {
  if (process.platform !== "linux") return;
  const name = NETWORK_FILE_SYSTEMS.get(typeOf(dirname(path)) >>> 0);
  if (name === undefined) return;
  throw new CoffreError("NETWORK_FILE_SYSTEM", `The vault ${path} lies on a network file system (${name})`, {
    hint: "Its locks can't be trusted, so two writers could destroy it. Put it on a local disk; several machines share a vault through a server.",
    details: { fileSystem: name },
  });
}

/** Which file it is, whatever its path: another one at the same path has replaced it. */
export interface FileIdentity {
  device: number;
  inode: number;
}

/** @throws CoffreError VAULT_MISSING */
export function identifyFile(path: string): FileIdentity {
  try {
    const { dev, ino } = statSync(path);
    return { device: dev, inode: ino };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Everything that can be said of a vault's file before SQLite touches it.
 * @throws CoffreError VAULT_MISSING, FORBIDDEN, NETWORK_FILE_SYSTEM, CORRUPT, NEWER_FORMAT, READ_ONLY
 */
export function checkFile(path: string, typeOf: FileSystemType): FileIdentity {
  const identity = identifyFile(path);
  checkFileSystem(path, typeOf);
  checkHeader(path, readHeader(path));
  if (!isWritable(path)) throw readOnly(path);
  return identity;
}

function readHeader(path: string): Uint8Array {
  try {
    const file = openSync(path, "r");
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      return header.subarray(0, readSync(file, header, 0, HEADER_BYTES, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): CoffreError {
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") return missing(path);
  if (code === "EISDIR") return new CoffreError("CORRUPT", `${path} is a folder, no vault`, { cause: error });
  return new CoffreError("FORBIDDEN", `The vault ${path} can't be read by this user`, {
    hint: "Check the owner and the mode of file and folder.",
    cause: error,
  });
}

function missing(path: string): CoffreError {
  return new CoffreError("VAULT_MISSING", `There is no vault at ${path}`, {
    hint: "Check the URL, or make one with `coffre vault init`; nothing else creates one.",
    details: { path },
  });
}
