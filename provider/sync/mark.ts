import type { Credential } from "../vault/port.js";

/**
 * Which version of the source a value is. The time of its making tells two versions of one number apart: after a
 * restore a vault may give a number out once more.
 */
export interface SourceVersion {
  number: number;
  /** Milliseconds since 1970. */
  madeAt: number;
}

/** What a copied value's cause says, where the copy stands: which vault, entry and version it is of. */
export interface CopyMark extends SourceVersion {
  vaultId: string;
  entryId: string;
}

const KIND = "sync";

/** The cause of a copied version: `sync:<vault id>:<entry id>:<version>:<when it was made>`. */
export function copyCause({ vaultId, entryId, number, madeAt }: CopyMark): string {
  return [KIND, encodeURIComponent(vaultId), encodeURIComponent(entryId), number, madeAt].join(":");
}

/** What {@link copyCause} wrote; `undefined` for a cause of another kind. */
export function parseCopyCause(cause: string): CopyMark | undefined {
  const found = /^sync:([^:]+):([^:]+):(\d{1,15}):(\d{1,15})$/.exec(cause);
  if (!found) return undefined;
  const [, vaultId = "", entryId = "", number, madeAt] = found;
  return {
    vaultId: decodeURIComponent(vaultId),
    entryId: decodeURIComponent(entryId),
    number: Number(number),
    madeAt: Number(madeAt),
  };
}

/** The cause that the record of a job has, so that no sync takes the record for an entry. */
export const RECORD_CAUSE = "sync-record";

/** The vault that an entry is a copy of, by any of its versions; `undefined` for an entry of its own. */
export function copiedFrom(credential: Credential): string | undefined {
  for (const cause of causesOf(credential)) {
    const mark = parseCopyCause(cause);
    if (mark) return mark.vaultId;
  }
  return undefined;
}

/** True for the entry in which a vault keeps what it knows of a job. */
export function isRecord(credential: Credential): boolean {
  return credential.versions.some(({ causes }) => causes.includes(RECORD_CAUSE));
}

function* causesOf({ versions, fields, removedFields }: Credential): Iterable<string> {
  for (const { causes } of versions) yield* causes;
  for (const field of [...fields, ...removedFields]) for (const { cause } of field.versions) yield cause;
}
