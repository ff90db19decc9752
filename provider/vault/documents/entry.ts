import { isDeepStrictEqual } from "node:util";
import { PASSWORD_FIELD } from "../../core/field.js";
import { usernameOf } from "../port-accounts.js";
import type { CredentialRow } from "../records/rows.js";
import type { CredentialDocument } from "./documents.js";
import type { Part, ShownVersion } from "./storage.js";
import { valueName } from "./view.js";

/** What people and applications read of a credential: its password, name, address, and its fields by their names. */
export function entryParts({ row, values }: Pick<CredentialDocument, "row" | "values">): Map<string, Part> {
  const parts = new Map<string, Part>();
  const put = (name: string, part: Part | undefined) => part && parts.set(name, part);
  put("password", valueOf(values, PASSWORD_FIELD, row.versions));
  const username = usernameOf(row);
  put("username", username === undefined ? undefined : { text: username });
  put("url", row.url === undefined ? undefined : { text: row.url });
  for (const field of row.fields ?? []) {
    if (field.removedAt === undefined) put(field.name, valueOf(values, field.id, field.versions));
  }
  return parts;
}

function valueOf(
  values: CredentialDocument["values"],
  field: string,
  versions: readonly { number: number; state: string }[],
): Part | undefined {
  const current = versions.find(({ state }) => state === "current");
  return current && values[valueName({ field, version: current.number })];
}

/** What a change of a credential means for what people read of it. */
export type EntryChange =
  | { change: "none" }
  /**
   * A version that was durable before becomes current, with the login that it is for, and nothing else changes: it is shown
   * first, and written down as current after it, so that a kill in between leaves a rotation that is finished as any other.
   */
  | { change: "promotion"; shown: ShownVersion }
  /** Anything else: it is written down first, and shown after it. */
  | { change: "other" };

export function entryChange(before: CredentialDocument, after: CredentialDocument): EntryChange {
  const [old, now] = [entryParts(before), entryParts(after)];
  const stays = before.entry !== undefined && before.due !== true && !isArchived(before) && !isArchived(after);
  const place = ({ row }: CredentialDocument) => [row.categoryId, row.name, isArchived({ row })];
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter(
    (key) => !isDeepStrictEqual(old.get(key), now.get(key)),
  );
  const moved = !isDeepStrictEqual(place(before), place(after));
  if (!moved && changed.length === 0) return { change: "none" };
  const password = now.get("password");
  const wasDurable = Object.values(before.values).some((value) => isDeepStrictEqual(value, password));
  // The name of a login whose turn it is comes with its version; another name of the entry itself doesn't.
  const isTurn = changed.includes("username") && before.row.username === after.row.username;
  const username = isTurn ? usernameOf(after.row) : undefined;
  const only = changed.includes("password") && changed.length === (username === undefined ? 1 : 2);
  if (stays && !moved && only && wasDurable && password) {
    return { change: "promotion", shown: { password, ...(username === undefined ? {} : { username }) } };
  }
  return { change: "other" };
}

export function isArchived({ row }: { row: Readonly<CredentialRow> }): boolean {
  return row.archived !== undefined;
}
