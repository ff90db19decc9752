import { FIELD_TYPES } from "../../core/field.js";
import { isFlag, isListOf, isNumber, isOneOf, isRecord, isText } from "../../core/guards.js";
import { Secret } from "../../core/secret.js";
import type { ValueAnswer, VaultIdentity } from "../port.js";
import type { Operation, OperationName, OutputOf } from "./operations.js";
import { STATUSES } from "./wire.js";
import { readWireError, type WireError } from "./wire-error.js";

const LONGEST_ID = 200;

/** What a command that only reads values asks: `undefined` for what isn't such an answer. */
const READ_AT_ONCE: { [Name in OperationName]?: (value: unknown) => OutputOf<Name> | undefined } = {
  identity: readIdentity,
  "has-heads": (value) => (isListOf(value, isFlag) ? value : undefined),
  "read-many": readValues,
};

/** An answer as it was read; in an object of its own, since some operations answer nothing. */
export type AnswerReader<Name extends OperationName> = (value: unknown) => { data: OutputOf<Name> } | undefined;

/**
 * What reads the answers of an operation, without what isn't known here: `undefined` for what it doesn't answer. All but a
 * few are read by their schemas, which are loaded for the first of them.
 */
export async function answerReader<Name extends OperationName>(name: Name): Promise<AnswerReader<Name>> {
  const read: ((value: unknown) => OutputOf<Name> | undefined) | undefined = READ_AT_ONCE[name];
  if (read) {
    return (value) => {
      const data = read(value);
      return data && { data };
    };
  }
  const { output }: Operation = (await import("./operations.js")).OPERATIONS[name];
  return (value) => {
    const { success, data } = output.safeParse(value);
    return success ? { data: data as OutputOf<Name> } : undefined; // by this operation's own schema
  };
}

function readIdentity(value: unknown): VaultIdentity | undefined {
  if (!isRecord(value)) return undefined;
  const { id, name, restoreCounter, head, headProof } = value;
  const isWhole = isId(id) && isText(name) && isNumber(restoreCounter) && isNumber(head) && isText(headProof);
  return isWhole ? { id, name, restoreCounter, head, headProof } : undefined;
}

function readValues(value: unknown): OutputOf<"read-many"> | undefined {
  if (!Array.isArray(value)) return undefined;
  const values: OutputOf<"read-many"> = [];
  for (const one of value) {
    const read = readValue(one);
    if (!read) return undefined;
    values.push(read);
  }
  return values;
}

function readValue(value: unknown): { answer: ValueAnswer } | { error: WireError } | undefined {
  const answer = isRecord(value) ? readValueAnswer(value["answer"]) : undefined;
  if (answer) return { answer };
  const error = readWireError(value);
  return error && { error };
}

function readValueAnswer(value: unknown): ValueAnswer | undefined {
  if (!isRecord(value)) return undefined;
  const { id, path, username, field, type, version, status, value: text } = value;
  const isWhole =
    isId(id) &&
    isListOf(path, isText) &&
    (username === undefined || isText(username)) &&
    isText(field) &&
    isOneOf(type, FIELD_TYPES) &&
    isNumber(version) &&
    isOneOf(status, STATUSES) &&
    isText(text);
  if (!isWhole) return undefined;
  const named = username === undefined ? {} : { username };
  return { id, path, ...named, field, type, version, status, value: new Secret(text) };
}

function isId(value: unknown): value is string {
  return isText(value) && value.length > 0 && value.length <= LONGEST_ID;
}
