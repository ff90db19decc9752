import { CoffreError } from "../../core/errors.js";
import { checkFieldName, checkFieldValue, MOST_FIELDS } from "../../core/field.js";
import { newId } from "../../core/id.js";
import type { Secret } from "../../core/secret.js";
import type { FieldChange } from "../port.js";
import type { FieldRow } from "./rows.js";

/** The fields of a credential after changes, and what else has to be written with them. */
export interface AppliedFields {
  fields: FieldRow[];
  /** Values to seal; `field` is a field's id. */
  values: { field: string; version: number; value: Secret }[];
  /** One for each change that changed something. */
  events: { action: string; version?: number; detail: string }[];
}

/**
 * The rules of `FieldChange`, one after the other.
 * @param what names the credential in messages
 * @param at ISO 8601, UTC
 * @throws CoffreError INVALID_INPUT for a name or a value; CONFLICT for another type, or another version than expected
 */
export function applyFieldChanges(
  before: readonly FieldRow[],
  changes: readonly FieldChange[],
  what: string,
  at: string,
): AppliedFields {
  const applied: AppliedFields = { fields: structuredClone([...before]), values: [], events: [] };
  for (const change of changes) {
    checkFieldName(change.name);
    const field = applied.fields.find(({ name }) => name === change.name);
    if (change.change !== "declare") checkExpected(field, change, what);
    switch (change.change) {
      case "put":
        put(applied, field, change, what, at);
        break;
      case "declare":
        declare(applied, field, change, what, at);
        break;
      case "remove":
        remove(applied, field, at);
        break;
    }
  }
  return applied;
}

function put(
  applied: AppliedFields,
  field: FieldRow | undefined,
  { name, type, value, cause }: FieldChange & { change: "put" },
  what: string,
  at: string,
): void {
  const kept = checkFieldValue(`The value of ${name}`, type, value);
  if (field && field.removedAt === undefined && field.type !== type) {
    throw new CoffreError("CONFLICT", `The field ${name} of ${what} is of type ${field.type}, not ${type}`, {
      hint: "Give it a value of its own type, or remove it first.",
      details: { field: name, type: field.type },
    });
  }
  const unchanged = type === "text" && field?.removedAt === undefined && field?.text === kept.reveal();
  if (unchanged) return;
  const row = field ?? newField(applied, name, type, what, at);
  delete row.removedAt;
  row.type = type;
  if (type === "text") row.text = kept.reveal();
  else delete row.text;
  const version = row.versions.length + 1; // versions are never taken away, so this number was never used
  retire(row);
  row.versions.push({ number: version, state: "current", type, cause, createdAt: at });
  applied.values.push({ field: row.id, version, value: kept });
  applied.events.push({ action: "field.put", version, detail: name });
}

function declare(
  applied: AppliedFields,
  field: FieldRow | undefined,
  { name, type }: FieldChange & { change: "declare" },
  what: string,
  at: string,
): void {
  if (field && field.removedAt === undefined && field.type === type) return;
  const row = field ?? newField(applied, name, type, what, at);
  delete row.removedAt;
  delete row.text;
  row.type = type;
  retire(row);
  applied.events.push({ action: "field.declared", detail: `${name} (${type})` });
}

function remove(applied: AppliedFields, field: FieldRow | undefined, at: string): void {
  if (!field || field.removedAt !== undefined) return;
  field.removedAt = at;
  delete field.text;
  retire(field);
  applied.events.push({ action: "field.removed", detail: field.name });
}

function newField(
  { fields }: AppliedFields,
  name: string,
  type: FieldRow["type"],
  what: string,
  createdAt: string,
): FieldRow {
  if (fields.length >= MOST_FIELDS) {
    throw new CoffreError("INVALID_INPUT", `${what} has ${MOST_FIELDS} fields already, removed ones included`, {
      hint: "Make another credential for what belongs together.",
      details: { field: name },
    });
  }
  const row: FieldRow = { id: newId("fd_"), name, type, versions: [], createdAt };
  fields.push(row);
  return row;
}

function retire({ versions }: FieldRow): void {
  for (const version of versions) version.state = "previous";
}

function checkExpected(
  field: FieldRow | undefined,
  { name, expected }: { name: string; expected?: number },
  what: string,
): void {
  if (expected === undefined) return;
  const current = field?.versions.find(({ state }) => state === "current")?.number ?? 0;
  if (current === expected) return;
  const now = current === 0 ? "has no value" : `is at version ${current}`;
  throw new CoffreError("CONFLICT", `Somebody changed the field ${name} of ${what} meanwhile: it ${now} now`, {
    hint: "Nothing was changed. Look at it, then say again what you want.",
    details: { field: name, version: current },
  });
}
