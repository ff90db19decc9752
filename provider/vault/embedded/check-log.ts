import type { Found, Report } from "./check.js";
import { parseBlock, proofOf } from "./log.js";
import { bytesOf, numberOf, type SqlRow } from "./sqlite.js";
import type { Store } from "./store.js";

/**
 * Walks the log from its first block to its last, and compares the rows that it knows of with those that were found.
 * @returns whether `wanted` was among the log's ends; `undefined` if none was wanted
 */
export function checkLog(
  store: Store,
  found: Found,
  wanted: { seq: number; proof: string } | undefined,
  report: Report,
): boolean | undefined {
  const { log, meta } = store;
  const expected = new Map<string, number>();
  let last: { block: number; seq: number; mac: Uint8Array } = {
    block: 0,
    seq: 0,
    mac: new Uint8Array(meta.head.mac.length),
  };
  let headFound = false;
  let whole = true;
  const broken = (block: number, problem: string): void => {
    whole = false;
    report("log", String(block), problem);
  };

  for (const row of log.rows()) {
    const number = numberOf(row, "number");
    const seq = numberOf(row, "last_seq");
    const mac = bytesOf(row, "mac");
    if (number !== last.block + 1) broken(number, `blocks are missing before it, after ${last.block}`);
    const text = openBlock(store, row);
    if (text === undefined) broken(number, "it was altered, or moved from another place");
    else {
      const block = parseBlock(text);
      if (number === last.block + 1 && !log.expectedMac(number, seq, last.mac, text).equals(mac))
        broken(number, "it was altered, or doesn't follow the one before it");
      else if (seq !== last.seq + block.events.length && whole) broken(number, "its events aren't numbered on");
      for (const [table, id, revision] of block.writes) expected.set(`${table} ${id}`, revision);
    }
    if (wanted && seq === wanted.seq && proofOf(seq, mac) === wanted.proof) headFound = true;
    last = { block: number, seq, mac };
  }
  if (last.block !== meta.head.block || !meta.head.mac.equals(last.mac)) {
    broken(meta.head.block, `the log ends with block ${last.block}, not with this one`);
  }
  // Of a log with holes nothing can be said about rows.
  if (whole) compareRows(expected, found, report);
  if (!wanted) return undefined;
  if (!headFound)
    report("log", wanted.proof, "the head that was seen earlier is not in the log: an older copy, or another vault");
  return headFound;
}

function openBlock(store: Store, row: SqlRow): string | undefined {
  try {
    return store.log.openText(row);
  } catch {
    return undefined;
  }
}

function compareRows(expected: Map<string, number>, found: Found, report: Report): void {
  for (const [key, revision] of expected) {
    const [table = "", ...id] = key.split(" ");
    const actual = found.get(key);
    if (actual === undefined && revision > 0) report(table, id.join(" "), "it was removed from the file");
    if (actual !== undefined && revision === 0)
      report(table, id.join(" "), "it was deleted, and put back into the file");
    if (actual !== undefined && revision > 0 && actual < revision)
      report(table, id.join(" "), "an older state of it was put back");
  }
  for (const key of found.keys()) {
    const [table = "", ...id] = key.split(" ");
    if (!expected.has(key)) report(table, id.join(" "), "the log doesn't know it");
  }
}
