import type { Credential } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { depositedText, findDeposited } from "./deposited.js";
import { labelOf, type SourceOf } from "./read-source.js";
import type { CredentialInputs } from "./schema.js";
import { type DepositSource, isDeposit, sourceText, typeOf } from "./source.js";
import { depositPlace, fieldHad, type Had, newCause, passwordHad } from "./sourced.js";

/** What an `up` would do about what people deposited. */
export interface DepositNotes {
  /** For a preview, without anything of a content. */
  notes: string[];
  /** Another version is to be taken. */
  isNew: boolean;
}

/** Looks at the drop-boxes that a declaration takes values from, and reads nothing of a content. @throws as `findDeposited` */
export async function depositNotes(
  { vault }: ResourceContext,
  inputs: CredentialInputs,
  existing: Credential | undefined,
): Promise<DepositNotes> {
  const result: DepositNotes = { notes: [], isNew: false };
  for (const { what, source, had } of depositsOf(inputs, existing)) {
    const said = labelOf(what);
    const found = await findDeposited(vault, said, what.type, source);
    if (!found) {
      if (!had.hasValue) result.notes.push(`${said}: waits for the ${sourceText(source)}`);
      continue;
    }
    if ((await newCause(vault, depositPlace(source, found), had)) === undefined) continue;
    result.notes.push(`${said}: takes the ${sourceText(source)}, ${depositedText(found)}`);
    result.isNew = true;
  }
  return result;
}

interface DeclaredDeposit {
  what: SourceOf;
  source: DepositSource;
  had: Had;
}

function depositsOf(inputs: CredentialInputs, existing: Credential | undefined): DeclaredDeposit[] {
  const { name: credential, source, secretFields = {} } = inputs;
  const password: DeclaredDeposit[] = isDeposit(source)
    ? [{ what: { credential, type: "secret" }, source, had: passwordHad(existing) }]
    : [];
  const fields = new Map(existing?.fields.map((field) => [field.name, field]));
  const declared = Object.entries(secretFields).flatMap(([name, field]): DeclaredDeposit[] => {
    const type = typeOf(field);
    if (!isDeposit(field.source)) return [];
    return [{ what: { credential, field: name, type }, source: field.source, had: fieldHad(fields.get(name), type) }];
  });
  return [...password, ...declared];
}
