import { randomBytes, randomUUID } from "node:crypto";
import { closeSync, existsSync, linkSync, openSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import { checkVaultName } from "../../core/name.js";
import type { VaultIdentity } from "../port.js";
import { syncFolder } from "../sync-folder.js";
import { APPLICATION_ID, FORMAT } from "./format.js";
import { KEY_BYTES, VaultKeys } from "./keys.js";
import { EMPTY_CENSUS } from "./ledger.js";
import { checkFileSystem, type FileSystemType, fileSystemType } from "./location.js";
import { EMPTY_HEAD } from "./log.js";
import { newMetaKeys, writeMeta } from "./meta.js";
import { systemCode } from "./native-error.js";
import { createSchema } from "./schema.js";
import { checkLabel, putSlot } from "./slot-rows.js";
import { lockSlot, type VaultKey } from "./slots.js";
import { Connection, mapSqliteError, openSqlite, type SqliteOptions } from "./sqlite.js";
import { Store } from "./store.js";
import { Transaction } from "./transaction.js";
import { makeFolder } from "../../core/make-folder.js";

const FIRST_KEY_NUMBER = 1;
/** What SQLite keeps beside a file; one that is left over from another vault would be taken for this one's. */
const COMPANIONS = ["-wal", "-shm", "-journal"];

export interface CreateVaultOptions extends SqliteOptions {
  /** Absolute path of the file to be. Missing folders are made, for this user only. */
  path: string;
  /** The vault's own name, as references have it. */
  name: string;
  /** What the first key slot opens with. */
  key: VaultKey;
  /** The first slot's label. Default `first`. */
  label?: string;
  actor: string;
  clock: Clock;
  /** For tests: what statfs says of the folder. */
  typeOfFileSystem?: FileSystemType;
}

/**
 * Makes a new vault: nothing else ever does. It stands under its path as a whole or not at all.
 * @throws CoffreError CONFLICT if there is a file already; INVALID_INPUT; NETWORK_FILE_SYSTEM; READ_ONLY; DISK_FULL
 */
export async function createEmbeddedVault(options: CreateVaultOptions): Promise<VaultIdentity> {
  const { path, typeOfFileSystem = fileSystemType } = options;
  const name = checkVaultName(options.name);
  const label = checkLabel(options.label ?? "first");
  checkNothingThere(path);
  const folder = dirname(path);
  const draft = join(folder, `.${basename(path)}.${randomUUID()}`);
  try {
    makeFolder(folder);
    checkFileSystem(path, typeOfFileSystem);
    const identity = await fillDraft(draft, { ...options, name, label });
    linkDraft(draft, path);
    return identity;
  } catch (error) {
    throw mapCreateError(path, error);
  } finally {
    removeDraft(draft);
  }
}

/** An empty vault's file without content, in a write transaction; the caller fills it, commits and closes. */
export function openDraft(draft: string, options: SqliteOptions = {}): Connection {
  // Made empty first: SQLite would give it the mode that the user's umask says.
  closeSync(openSync(draft, "wx", 0o600));
  const connection = new Connection(openSqlite(draft, options));
  const { db } = connection;
  try {
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT}`);
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("BEGIN IMMEDIATE");
    createSchema(db);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Gives a finished draft its name, if nothing has it. */
export function linkDraft(draft: string, path: string): void {
  linkSync(draft, path); // unlike a rename, it never replaces a file
  syncFolder(dirname(path));
}

export function removeDraft(draft: string): void {
  for (const suffix of ["", ...COMPANIONS]) {
    try {
      rmSync(draft + suffix, { force: true });
    } catch (error) {
      if (systemCode(error) !== "ENOTDIR") throw error; // its folder is a file: nothing was ever there
    }
  }
}

async function fillDraft(draft: string, options: CreateVaultOptions & { label: string }): Promise<VaultIdentity> {
  const { name, key, label, actor, clock } = options;
  const createdAt = clock.now().toISOString();
  const vaultId = randomUUID();
  const home = { vaultId, keyNumber: FIRST_KEY_NUMBER };
  const dataKey = randomBytes(KEY_BYTES);
  const slot = await lockSlot(home, dataKey, key);
  const keys = new VaultKeys(dataKey, vaultId, FIRST_KEY_NUMBER);
  const connection = openDraft(draft, options);
  try {
    const head = EMPTY_HEAD;
    const meta = {
      format: FORMAT,
      ...home,
      restoreCounter: 0,
      head,
      revision: 0,
      name,
      createdAt,
      census: EMPTY_CENSUS,
      ...newMetaKeys(),
    };
    writeMeta(connection, keys, meta);
    const store = new Store(draft, connection, keys);
    store.begin();
    store.addEvent({ at: createdAt, actor, action: "vault.created", ids: [] });
    putSlot(store, slot, { label, createdAt });
    store.addEvent({ at: createdAt, actor, action: "slot.added", ids: [slot.id], detail: label });
    store.finish();
    const identity = new Transaction(store).identity();
    connection.db.exec("COMMIT");
    return identity;
  } finally {
    connection.close(); // the last one: SQLite moves everything into the file itself
    keys.wipe();
  }
}

/** @throws CoffreError CONFLICT */
export function checkNothingThere(path: string): void {
  const found = ["", ...COMPANIONS].map((suffix) => path + suffix).find((file) => existsSync(file));
  if (found !== undefined) throw occupied(found);
}

function occupied(path: string): CoffreError {
  return new CoffreError("CONFLICT", `There is a file at ${path} already`, {
    hint: "A vault is never overwritten: choose another path, or move that file away.",
    details: { path },
  });
}

/** Failures of making a file at this path, as the vault's own. */
export function mapCreateError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === "EEXIST") return occupied(path);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new CoffreError("DISK_FULL", `There is no space left for the vault ${path}`, { cause: error });
  }
  if (code !== undefined && /^E(ACCES|PERM|ROFS|NOTDIR|NOENT)$/.test(code)) {
    return new CoffreError("READ_ONLY", `No vault can be made at ${path} (${code})`, {
      hint: "Choose a folder that this user may write.",
      cause: error,
    });
  }
  return mapSqliteError(path, error);
}
