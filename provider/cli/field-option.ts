import { CoffreError } from "../core/errors.js";
import { FIELD_TYPES, type FieldType, PASSWORD_FIELD } from "../core/field.js";
import type { Reference } from "../core/reference.js";
import type { Credential, Field } from "../vault/port.js";

/**
 * The field that a command is about: of its reference (`?field=…`) or of its option `--field`.
 * @returns `undefined` for the password
 * @throws CoffreError INVALID_INPUT if the two say different things
 */
export function fieldNamed({ field }: Reference, option: unknown): string | undefined {
  const given = typeof option === "string" ? option : undefined;
  if (field !== undefined && given !== undefined && field !== given) {
    throw new CoffreError("INVALID_INPUT", "--field names another field than the reference");
  }
  const name = given ?? field;
  return name === PASSWORD_FIELD ? undefined : name;
}

/** @throws CoffreError INVALID_INPUT for a word that is no type */
export function typeNamed(option: unknown): FieldType | undefined {
  if (option === undefined) return undefined;
  const type = FIELD_TYPES.find((name) => name === option);
  if (type !== undefined) return type;
  throw new CoffreError("INVALID_INPUT", `--type takes one of ${FIELD_TYPES.join(", ")}`);
}

/** A field keeps its type: what is given as another one is a mistake in the name or in the type. */
export function otherType(what: string, is: FieldType, given: FieldType): CoffreError {
  return new CoffreError("INVALID_INPUT", `${what} is of type ${is}, not ${given}`, {
    hint:
      given === "text"
        ? "`coffre put` gives it a value; for a text choose another field."
        : "Leave --type out, or give another field a name of its own.",
  });
}

/** Its current version's number, `undefined` while it awaits a value. */
export function currentOf({ versions }: Pick<Field, "versions">): number | undefined {
  return versions.find(({ state }) => state === "current")?.number;
}

/** For messages: `Its fields: token (secret), tls.key (file)`. */
export function fieldsText({ fields }: Credential): string {
  if (fields.length === 0) return "It has none besides its password";
  return `Its fields: ${fields.map(({ name, type }) => `${name} (${type})`).join(", ")}`;
}
