import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import type { GrantRow, MembershipRow, PrincipalRow } from "../records/people-rows.js";
import type { CategoryRow, CredentialRow } from "../records/rows.js";
import type { BoxRow, DepositRow, FileRow } from "../records/box-rows.js";
import { checkBoxes } from "./check-boxes.js";
import { checkLog } from "./check-log.js";
import { checkPeople } from "./check-people.js";
import type { LinkTable } from "./link-table.js";
import { proofOf } from "./log.js";
import type { Store } from "./store.js";
import { linksOf, valueId } from "./transaction.js";

/** One part of the vault that isn't as it was written. */
export interface Damage {
  table: string;
  /** Id of the record, or what else names it. */
  id: string;
  /** What is wrong, for a person. */
  problem: string;
}

export interface CheckReport {
  /** True if there is no damage. */
  ok: boolean;
  damage: Damage[];
  /** How many sealed rows were opened. */
  rows: number;
  /** Number of the newest event. */
  events: number;
  /** Proof of the newest entry of the log, to be noted elsewhere. */
  head: string;
  /** Whether the proof that was asked about is in the log; missing if none was. */
  headFound?: boolean;
}

/** Notes a damage. */
export type Report = (table: string, id: string, problem: string) => void;

/** Rows that were found and opened: revision by `table id`. */
export type Found = Map<string, number>;

/** Everything that can be said about the integrity of an opened vault, in the transaction that runs. */
export function checkVault(store: Store, { head }: { head?: string }): CheckReport {
  const damage: Damage[] = [];
  const report: Report = (table, id, problem) => damage.push({ table, id, problem });

  checkPages(store, report);
  const categories = new Map<string, CategoryRow>();
  const credentials = new Map<string, CredentialRow>();
  const principals = new Map<string, PrincipalRow>();
  const memberships: MembershipRow[] = [];
  const grants: GrantRow[] = [];
  const boxes: BoxRow[] = [];
  const deposits: DepositRow[] = [];
  const files: FileRow[] = [];
  const found: Found = new Map();
  for (const table of store.sealedTables) {
    for (const row of table.audit()) {
      if ("error" in row) {
        report(table.name, row.id, "it was altered, or moved from another place");
        found.set(`${table.name} ${row.id}`, NaN); // it is there: the log needn't miss it as well
        continue;
      }
      found.set(`${table.name} ${row.id}`, row.revision);
      // What this vault sealed itself, it reads without asking again.
      if (table === store.categories) categories.set(row.id, JSON.parse(row.text) as CategoryRow);
      if (table === store.credentials) credentials.set(row.id, JSON.parse(row.text) as CredentialRow);
      if (table === store.principals) principals.set(row.id, JSON.parse(row.text) as PrincipalRow);
      if (table === store.memberships) memberships.push(JSON.parse(row.text) as MembershipRow);
      if (table === store.grants) grants.push(JSON.parse(row.text) as GrantRow);
      if (table === store.dropBoxes) boxes.push(JSON.parse(row.text) as BoxRow);
      if (table === store.deposits) deposits.push(JSON.parse(row.text) as DepositRow);
      if (table === store.files) files.push(JSON.parse(row.text) as FileRow);
    }
  }
  checkTree(categories, credentials, report);
  checkPeople({ categories, principals, memberships, grants }, report);
  checkBoxes({ categories, boxes, deposits, files }, report);
  checkValues(credentials, found, report);
  checkLinks(store, credentials, report);
  const headFound = checkLog(store, found, head === undefined ? undefined : parseProof(head), report);
  if (damage.length === 0 && !store.isCensusRight())
    report("meta", "vault", "the rows aren't those that were written last");

  const { seq, mac } = store.meta.head;
  return {
    ok: damage.length === 0,
    damage,
    rows: found.size,
    events: seq,
    head: proofOf(seq, mac),
    ...(headFound === undefined ? {} : { headFound }),
  };
}

/** SQLite's own opinion: pages, and whether each index has what its table has. */
function checkPages({ connection }: Store, report: Report): void {
  for (const row of connection.prepare("PRAGMA integrity_check(20)").all()) {
    const problem = String(row["integrity_check"]);
    if (problem !== "ok") report("sqlite", "pages", problem);
  }
}

function checkTree(
  categories: Map<string, CategoryRow>,
  credentials: Map<string, CredentialRow>,
  report: Report,
): void {
  for (const { id, parentId } of categories.values()) {
    const above = new Set([id]);
    for (let next = parentId; next !== null; next = categories.get(next)?.parentId ?? null) {
      if (above.has(next)) {
        report("category", id, "it stands in itself");
        break;
      }
      above.add(next);
      if (!categories.has(next)) report("category", id, `its parent ${next} is missing`);
    }
  }
  for (const { id, categoryId, archived } of credentials.values()) {
    if (!archived && categoryId !== null && !categories.has(categoryId)) {
      report("credential", id, `its category ${categoryId} is missing`);
    }
  }
}

function checkValues(credentials: Map<string, CredentialRow>, found: Found, report: Report): void {
  for (const { id, versions, fields = [] } of credentials.values()) {
    for (const holder of [{ id: PASSWORD_FIELD, versions }, ...fields]) {
      for (const { number } of holder.versions) {
        const value = valueId({ credentialId: id, field: holder.id, version: number });
        if (!found.has(`value ${value}`)) report("value", value, "it is missing");
      }
    }
  }
}

/** Claims and admins repeat what live credentials say: nothing more, nothing less. */
function checkLinks(store: Store, credentials: Map<string, CredentialRow>, report: Report): void {
  const expected = { claim: new Set<string>(), admin: new Set<string>() };
  for (const { id, targets, archived } of credentials.values()) {
    if (archived) continue;
    const links = linksOf(targets, (account) => store.keys.index("account", account));
    for (const account of links.accounts) expected.claim.add(`${account} ${id}`);
    for (const admin of links.admins) expected.admin.add(`${admin} ${id}`);
  }
  const compare = (table: LinkTable, pairs: Set<string>): void => {
    try {
      for (const { key, credentialId } of table.all()) {
        if (!pairs.delete(`${key} ${credentialId}`)) report(table.name, credentialId, "its credential doesn't say so");
      }
      for (const pair of pairs) report(table.name, pair.split(" ")[1] ?? pair, "it is missing");
    } catch (error) {
      if (!(error instanceof CoffreError)) throw error;
      report(table.name, String(error.details["id"]), "it was altered, or moved from another place");
    }
  };
  compare(store.claims, expected.claim);
  compare(store.admins, expected.admin);
}

function parseProof(text: string): { seq: number; proof: string } {
  const match = /^(\d{1,15}):[0-9a-f]{32}$/.exec(text);
  if (match) return { seq: Number(match[1]), proof: text };
  throw new CoffreError("INVALID_INPUT", "The head isn't one that `coffre vault check` printed", {
    hint: "Its form: a number, a colon, and 32 hexadecimal digits.",
    details: { field: "head" },
  });
}
