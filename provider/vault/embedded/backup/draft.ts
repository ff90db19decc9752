import { randomBytes } from "node:crypto";
import { ZodError } from "zod";
import type { Secret } from "../../../core/secret.js";
import { checkVault } from "../check.js";
import { openDraft } from "../create.js";
import { FORMAT } from "../format.js";
import { KEY_BYTES, VaultKeys } from "../keys.js";
import { EMPTY_CENSUS, takeCensus } from "../ledger.js";
import { EMPTY_HEAD, type Head, parseBlock } from "../log.js";
import { type Meta, newMetaKeys, writeMeta } from "../meta.js";
import { relink } from "../rekey.js";
import { sqliteCode } from "../native-error.js";
import type { Connection } from "../sqlite.js";
import { Store } from "../store.js";
import { DATA_TABLES, SLOT } from "../tables.js";
import { decryptFile } from "./age.js";
import type { BackupEnd, BackupHeader } from "./format.js";
import { type BackupConsumer, corruptBackup, parseBackup } from "./parse.js";

const SQLITE_CONSTRAINT = 19;

/** A backup as a vault of its own, in a file without key slots, its write transaction still open. */
export interface Draft {
  store: Store;
  header: BackupHeader;
  end: BackupEnd;
  dataKey: Buffer;
}

/** Where a backup is read from. */
export interface BackupSource {
  /** Absolute path of the file. */
  file: string;
  identities: readonly Secret[];
}

/**
 * Reads a backup into a new file at `path`, sealed under a key of its own: nothing clear ever touches the disk, and no
 * vault is touched before all of it was read, its signature checked and its rows found to fit together.
 * @param accept may refuse the backup by what its first line says
 * @throws CoffreError what reading the backup throws
 */
export async function readDraft(
  path: string,
  { file, identities }: BackupSource,
  now: Date,
  actor: string,
  accept: (header: BackupHeader) => void = () => undefined,
): Promise<{ connection: Connection; draft: Draft }> {
  const connection = openDraft(path);
  const dataKey = randomBytes(KEY_BYTES);
  try {
    const filler = new Filler(path, connection, dataKey, accept);
    const end = await parseBackup(decryptFile(file, identities), filler);
    const { header, store } = filler.filled();
    finish(store, header, now, actor);
    const { damage } = checkVault(store, {});
    const [first] = damage;
    if (first) throw corruptBackup(`holds rows that don't fit together (${first.table} ${first.id}: ${first.problem})`);
    return { connection, draft: { store, header, end, dataKey } };
  } catch (error) {
    connection.close();
    throw mapRowError(error);
  }
}

/** Writes the rows of a backup as they come. */
class Filler implements BackupConsumer {
  readonly #path: string;
  readonly #connection: Connection;
  readonly #dataKey: Buffer;
  readonly #accept: (header: BackupHeader) => void;
  #taken: { header: BackupHeader; store: Store; meta: Meta } | undefined;
  #head: Head = EMPTY_HEAD;

  constructor(path: string, connection: Connection, dataKey: Buffer, accept: (header: BackupHeader) => void) {
    this.#path = path;
    this.#connection = connection;
    this.#dataKey = dataKey;
    this.#accept = accept;
  }

  header(header: BackupHeader): void {
    this.#accept(header);
    const { id: vaultId, name, createdAt, restoreCounter, lastingKey } = header.vault;
    const keyNumber = header.vault.keyNumber + 1;
    const keys = new VaultKeys(Buffer.from(this.#dataKey), vaultId, keyNumber);
    const lasting = Buffer.from(lastingKey, "hex");
    keys.learnLastingKey(lasting);
    const meta: Meta = {
      ...{ format: FORMAT, vaultId, keyNumber, restoreCounter, revision: 0, name, createdAt },
      ...{ head: EMPTY_HEAD, census: EMPTY_CENSUS, ...newMetaKeys(), lastingKey: lasting },
    };
    this.#taken = { header, store: new Store(this.#path, this.#connection, keys), meta };
  }

  row(table: string, id: string, revision: number, text: string): void {
    const { store } = this.#begun();
    const definition = DATA_TABLES.find(({ name }) => name === table);
    if (!definition) throw corruptBackup(`has a table ${table} that this release doesn't know`);
    const row = JSON.parse(text) as { id?: unknown }; // the parser took it for an object
    if (row.id !== undefined && row.id !== id) throw corruptBackup(`has a row of ${table} under another id`);
    const columns = definition.columnsOf(store.keys.indexOf, id, row);
    store.table(table).place(id, columns, revision, definition.textOf?.(text) ?? text);
  }

  block(number: number, seq: number, text: string): void {
    const { store } = this.#begun();
    const block = parseBlock(text);
    const follows = number === this.#head.block + 1 && seq === this.#head.seq + block.events.length;
    if (!follows) throw corruptBackup(`has an event log with a gap before block ${number}`);
    const mac = store.log.expectedMac(number, seq, this.#head.mac, text);
    this.#connection
      .prepare("INSERT INTO log (number, last_seq, mac, body) VALUES (?, ?, ?, ?)")
      .run(number, seq, mac, store.log.sealText(number, seq, text));
    this.#head = { block: number, seq, mac };
  }

  filled(): { header: BackupHeader; store: Store } {
    const { header, store, meta } = this.#begun();
    const { block, seq, mac } = header.vault.head;
    const { block: lastBlock, seq: lastSeq, mac: lastMac } = this.#head;
    if (block !== lastBlock || seq !== lastSeq || mac !== lastMac.toString("hex"))
      throw corruptBackup("has an event log with another end than its first line says");
    relink(store);
    const census = takeCensus(
      store.keys.purposeKey("census"),
      store.sealedTables.flatMap((table) => table.tags()),
    );
    writeMeta(this.#connection, store.keys, { ...meta, head: this.#head, census });
    return { header, store };
  }

  #begun() {
    if (!this.#taken) throw corruptBackup("doesn't begin as a backup does");
    return this.#taken;
  }
}

/** The first block of the new life: what happened, and that the key slots of the old file aren't here. */
function finish(store: Store, header: BackupHeader, now: Date, actor: string): void {
  store.begin();
  for (const id of slotsOf(store)) store.ledger.note(SLOT.name, id, 0, {});
  const detail = `from the backup of ${header.takenAt}, event ${header.vault.head.seq}`;
  store.addEvent({ at: now.toISOString(), actor, action: "vault.restored", ids: [], detail });
  store.finish();
}

/** Ids of the slots that the log knows. */
function slotsOf(store: Store): Set<string> {
  const slots = new Set<string>();
  for (const row of store.log.rows()) {
    for (const [table, id, revision] of store.log.open(row).writes) {
      if (table !== SLOT.name) continue;
      if (revision === 0) slots.delete(id);
      else slots.add(id);
    }
  }
  return slots;
}

/** What a row of another shape, or two rows with one name, throw: they can only come from a backup that nobody wrote. */
function mapRowError(error: unknown): unknown {
  const unfit = error instanceof ZodError || error instanceof SyntaxError || sqliteCode(error) === SQLITE_CONSTRAINT;
  return unfit ? corruptBackup("holds rows that no vault has") : error;
}
