import * as z from "zod";
import { corrupt, FIRST_FORMAT } from "./format.js";
import type { Columns } from "./sealed-table.js";

/**
 * The vault's tables of data, each with what a new data key or a restore needs to write its rows anew: how the clear columns
 * follow from a row's id and its text. Whatever reads or writes *all* of a vault (backup, restore, re-key, check) goes by
 * these lists, and a test compares them with the schema: a table that is added there and not here fails it.
 */
export interface DataTable {
  name: string;
  /** The clear columns besides id and revision. */
  columns: readonly string[];
  /** False for values, which stay sealed until they are asked for. Default true. */
  remembers?: boolean;
  /** The clear columns of a row, from its id and its text as it was parsed. @throws ZodError for a row of another shape */
  columnsOf(index: Index, id: string, row: unknown): Columns;
  /** The text as it is sealed. */
  textOf?(text: string): string;
}

/** A blind index under the vault's keys: see `VaultKeys.index`. */
export type Index = (kind: string, ...parts: string[]) => string;

/** Stands in a parent's column for the root: a unique index takes no two NULLs for equal. */
export const ROOT = "root";
/** Sealed values are filled up to a multiple of this, so that a row's size tells little of a value's length. */
const VALUE_BLOCK_BYTES = 64;

const Owner = z.object({ mark: z.string(), stack: z.string() }).optional();
const Category = z.object({ name: z.string(), parentId: z.nullable(z.string()), owner: Owner });
const Credential = z.object({
  name: z.string(),
  categoryId: z.nullable(z.string()),
  owner: Owner,
  archived: z.unknown().optional(),
  targets: z.array(
    z.object({
      account: z.string(),
      logins: z.array(z.object({ account: z.string() })).optional(),
      adminId: z.string().optional(),
    }),
  ),
  versions: z.array(z.object({ number: z.int(), state: z.string() })),
  journal: z.object({ fencing: z.int() }),
});
const Booking = z.object({ account: z.string(), host: z.string() });
const Principal = z.object({ kind: z.string(), name: z.string(), owner: Owner });
const Membership = z.object({ groupId: z.string(), memberId: z.string(), owner: Owner });
const AccessGrant = z.object({ categoryId: z.nullable(z.string()), principalId: z.string(), owner: Owner });

export const CATEGORY: DataTable = {
  name: "category",
  columns: ["parent_id", "name_index", "mark"],
  columnsOf: (index, _id, row) => categoryColumns(index, Category.parse(row)),
};

export function categoryColumns(
  index: Index,
  { parentId, name, owner }: { parentId: string | null; name: string; owner?: { mark: string } | undefined },
): Columns {
  return [parentId ?? ROOT, nameIndex(index, "category", parentId, name), owner?.mark ?? null];
}

export const CREDENTIAL: DataTable = {
  name: "credential",
  columns: ["category_id", "name_index", "mark", "stack", "archived"],
  columnsOf: (index, _id, row) => credentialColumns(index, Credential.parse(row)),
};

export function credentialColumns(
  index: Index,
  row: {
    categoryId: string | null;
    name: string;
    owner?: { mark: string; stack: string } | undefined;
    archived?: unknown;
  },
): Columns {
  const { categoryId, name, owner, archived } = row;
  const live = archived === undefined;
  return [
    categoryId ?? ROOT,
    live ? nameIndex(index, "credential", categoryId, name) : null,
    owner?.mark ?? null,
    owner?.stack ?? null,
    live ? 0 : 1,
  ];
}

export const VALUE: DataTable = {
  name: "value",
  columns: ["credential_id", "field", "version"],
  remembers: false,
  columnsOf: (_index, id) => valueColumns(id),
  textOf: fill,
};

/** A value's id is its place: credential, field, version. */
function valueColumns(id: string): Columns {
  const [, credentialId = "", field = "", version = ""] = /^(\S+) (.+) (\d{1,15})$/.exec(id) ?? [];
  if (credentialId === "") throw corrupt("value", id, "it is no value's id");
  return [credentialId, field, Number(version)];
}

/** The text of a value's row, filled up; JSON ignores spaces at its end. */
export function fill(text: string): string {
  const over = Buffer.byteLength(text) % VALUE_BLOCK_BYTES;
  return over === 0 ? text : text + " ".repeat(VALUE_BLOCK_BYTES - over);
}

export const BOOKING: DataTable = {
  name: "booking",
  columns: ["account", "host"],
  columnsOf: (index, _id, row) => bookingColumns(index, Booking.parse(row)),
};

export function bookingColumns(index: Index, { account, host }: { account: string; host: string }): Columns {
  return [index("account", account), index("host", host)];
}

export const PRINCIPAL: DataTable = {
  name: "principal",
  columns: ["name_index", "mark"],
  columnsOf: (index, _id, row) => principalColumns(index, Principal.parse(row)),
};

export function principalColumns(index: Index, { kind, name, owner }: z.infer<typeof Principal>): Columns {
  return [principalIndex(index, kind, name), owner?.mark ?? null];
}

export function principalIndex(index: Index, kind: string, name: string): string {
  return index(`name of ${kind}`, name);
}

export const MEMBERSHIP: DataTable = {
  name: "membership",
  columns: ["group_id", "member_id", "mark"],
  columnsOf: (_index, _id, row) => membershipColumns(Membership.parse(row)),
};

export function membershipColumns({ groupId, memberId, owner }: z.infer<typeof Membership>): Columns {
  return [groupId, memberId, owner?.mark ?? null];
}

export const ACCESS_GRANT: DataTable = {
  name: "access_grant",
  columns: ["category_id", "principal_id", "mark"],
  columnsOf: (_index, _id, row) => grantColumns(AccessGrant.parse(row)),
};

export function grantColumns({ categoryId, principalId, owner }: z.infer<typeof AccessGrant>): Columns {
  return [categoryId ?? ROOT, principalId, owner?.mark ?? null];
}

const DropBox = z.object({
  categoryId: z.nullable(z.string()),
  name: z.string(),
  owner: Owner,
  archived: z.unknown().optional(),
});
const Deposit = z.object({ boxId: z.string() });
const StoredFile = z.object({ holderId: z.string() });
const Mail = z.object({ state: z.string() });

export const DROP_BOX: DataTable = {
  name: "drop_box",
  columns: ["category_id", "name_index", "mark"],
  columnsOf: (index, _id, row) => dropBoxColumns(index, DropBox.parse(row)),
};

export function dropBoxColumns(index: Index, { categoryId, name, owner, archived }: z.infer<typeof DropBox>): Columns {
  const named = archived === undefined ? nameIndex(index, "drop-box", categoryId, name) : null;
  return [categoryId ?? ROOT, named, owner?.mark ?? null];
}

export const DEPOSIT: DataTable = {
  name: "deposit",
  columns: ["box_id"],
  columnsOf: (_index, _id, row) => [Deposit.parse(row).boxId],
};

export const STORED_FILE: DataTable = {
  name: "stored_file",
  columns: ["holder_id"],
  columnsOf: (_index, _id, row) => [StoredFile.parse(row).holderId],
};

export const MAIL: DataTable = {
  name: "mail",
  columns: ["waiting"],
  columnsOf: (_index, _id, row) => mailColumns(Mail.parse(row)),
};

export function mailColumns({ state }: { state: string }): Columns {
  return [state === "failed" ? 0 : 1];
}

/** Tables of format 1. */
const FIRST_TABLES: readonly DataTable[] = [CATEGORY, CREDENTIAL, VALUE, BOOKING, PRINCIPAL, MEMBERSHIP, ACCESS_GRANT];

/** Tables that format 2 adds; a file of format 1 gets all of them with the first row that one is needed for. */
export const SECOND_TABLES: readonly DataTable[] = [DROP_BOX, DEPOSIT, STORED_FILE, MAIL];

/** Everything that a backup holds, besides the log and what `meta` says. Rows come in this order, so what others name is there first. */
export const DATA_TABLES: readonly DataTable[] = [...FIRST_TABLES, ...SECOND_TABLES];

/** Those of a vault of this format. */
export function tablesOf(format: number): readonly DataTable[] {
  return format === FIRST_FORMAT ? FIRST_TABLES : DATA_TABLES;
}

/** The key slots: they belong to the file, and stand in no backup. */
export const SLOT = { name: "slot", columns: ["kind", "kdf", "salt", "wrapped", "checksum"] } as const;

/** Tables of pairs that repeat what credentials say; they are made anew from them. */
export const LINK_TABLES: readonly { name: string; column: string }[] = [
  { name: "claim", column: "account" },
  { name: "admin", column: "admin_id" },
];

/** Every table that a vault's file has, whatever treats it. */
export const ALL_TABLES: readonly string[] = [
  "meta",
  "log",
  SLOT.name,
  ...LINK_TABLES.map(({ name }) => name),
  ...DATA_TABLES.map(({ name }) => name),
];

export function nameIndex(
  index: Index,
  kind: "category" | "credential" | "drop-box",
  parentId: string | null,
  name: string,
): string {
  return index(`name of ${kind}`, parentId ?? ROOT, name);
}
