import { corrupt } from "../format.js";
import type { Head } from "../log.js";
import { refuseUnknownTables } from "../rekey.js";
import { bytesOf, numberOf } from "../sqlite.js";
import type { Store } from "../store.js";
import { tablesOf } from "../tables.js";
import { type BackupEnd, type BackupHeader, newDigest, signEnd } from "./format.js";

/**
 * A whole vault as lines of JSON, from the snapshot that the store reads: a header, the rows of each table, the log, and
 * an end that is signed. Key slots are not among them: who opens a file is that file's business.
 * @returns what the end says
 * @throws CoffreError CORRUPT if anything of the vault isn't as it was written: a backup never repeats damage in silence
 */
export function* backupLines(store: Store, takenAt: Date): Generator<string, BackupEnd> {
  const { meta } = store;
  refuseUnknownTables(store);
  if (!store.isCensusRight()) throw corrupt("meta", "vault", "the rows aren't those that were written last");
  const digest = newDigest();
  const noted = (line: string): string => {
    digest.update(line);
    return line;
  };
  yield noted(`${JSON.stringify(headerOf(store, takenAt))}\n`);
  const rows: Record<string, number> = {};
  for (const { name } of tablesOf(meta.format)) {
    rows[name] = 0;
    for (const { id, revision, text } of store.table(name).stream()) {
      rows[name] += 1;
      yield noted(`${lineStart(name, id, revision)}${text.trimEnd()}]\n`);
    }
  }
  let blocks = 0;
  for (const { number, seq, text } of chainedBlocks(store)) {
    blocks += 1;
    yield noted(`${lineStart("log", number, seq)}${text}]\n`);
  }
  const end = signEnd(meta.signingKey, meta.format, { rows, blocks, sha256: digest.digest("hex") });
  yield `${JSON.stringify({ end })}\n`;
  return end;
}

/** How a row's line begins; its text follows as it is, so that what was authenticated once stays the same to the byte. */
export function lineStart(table: string, id: string | number, revision: number): string {
  return `[${JSON.stringify(table)},${JSON.stringify(id)},${String(revision)},`;
}

function headerOf({ meta }: Store, takenAt: Date): BackupHeader {
  const { vaultId: id, name, createdAt, keyNumber, restoreCounter, lastingKey } = meta;
  const head = { block: meta.head.block, seq: meta.head.seq, mac: meta.head.mac.toString("hex") };
  const vault = { id, name, createdAt, keyNumber, restoreCounter, head, lastingKey: lastingKey.toString("hex") };
  // A vault without the tables of format 2 has a backup that the first release takes too.
  return { coffreBackup: meta.format, takenAt: takenAt.toISOString(), vault };
}

/** The log's blocks, each checked against the one before it, up to the head. @throws CoffreError CORRUPT */
export function* chainedBlocks(store: Store): Iterable<{ number: number; seq: number; text: string }> {
  const { log, meta } = store;
  let last: Head = { block: 0, seq: 0, mac: Buffer.alloc(meta.head.mac.length) };
  for (const row of log.rows()) {
    const [number, seq, text] = [numberOf(row, "number"), numberOf(row, "last_seq"), log.openText(row)];
    const mac = log.expectedMac(number, seq, last.mac, text);
    if (number !== last.block + 1 || !mac.equals(bytesOf(row, "mac")))
      throw corrupt("log", String(number), "it was altered, or doesn't follow the one before it");
    last = { block: number, seq, mac };
    yield { number, seq, text };
  }
  if (last.block !== meta.head.block || !last.mac.equals(meta.head.mac))
    throw corrupt("log", String(meta.head.block), "the end of the event log is missing");
}
