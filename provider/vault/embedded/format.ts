import { CoffreError } from "../../core/errors.js";

/** The format that this release writes, and the newest that it opens; what that promises is in `docs/vault-format.md`. */
export const FORMAT = 2;
/** The first format, which has no tables for drop-boxes, files and mail. */
export const FIRST_FORMAT = 1;
/**
 * How keys are derived and texts sealed: the number that every derivation and every sealed text is bound to. It is the one of
 * the first format; a format that only adds tables seals as before, so that nothing has to be sealed anew.
 */
export const SEALING = 1;

/** SQLite's `application_id` of a vault: "Cofr". */
export const APPLICATION_ID = 0x436f6672;

const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;

/**
 * Looks at the first bytes of a file without opening it as a database, so that a file of another kind, or of a newer
 * Coffre, isn't touched.
 * @throws CoffreError CORRUPT, NEWER_FORMAT
 */
export function checkHeader(path: string, header: Uint8Array): void {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  if (bytes.length === 0) throw notAVault(path, "is empty");
  if (bytes.length < HEADER_BYTES) throw notAVault(path, `is cut: it has ${bytes.length} bytes`);
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) throw notAVault(path, "is no vault");
  if (bytes.readUInt32BE(APPLICATION_ID_AT) !== APPLICATION_ID) {
    throw notAVault(path, "is a SQLite file, but no vault");
  }
  checkFormat(path, bytes.readUInt32BE(USER_VERSION_AT));
}

/** @throws CoffreError NEWER_FORMAT, CORRUPT */
export function checkFormat(path: string, format: number): void {
  if (format > FORMAT) {
    throw new CoffreError("NEWER_FORMAT", `The vault ${path} has format ${format}; this release knows ${FORMAT}`, {
      hint: "Update Coffre here; nothing was changed.",
      details: { format, known: FORMAT },
    });
  }
  if (format < 1) throw notAVault(path, "has no format number");
}

export { HEADER_BYTES };

function notAVault(path: string, what: string): CoffreError {
  return new CoffreError("CORRUPT", `The file ${path} ${what}`, {
    hint: "Check the URL; if it was a vault, bring a backup.",
  });
}

/** An altered or missing part of the file, by table and record. */
export function corrupt(table: string, id: string, problem: string, cause?: unknown): CoffreError {
  return new CoffreError("CORRUPT", `The vault's table ${table}, record ${id}: ${problem}`, {
    hint: "`coffre vault check` lists all damage; other records are not affected. Bring a backup.",
    details: { table, id },
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Joins parts so that no two lists give one text: each part with its length before it, `null` as a dash.
 * For what is authenticated, not for storage.
 */
export function encodeParts(parts: readonly (string | number | null)[]): string {
  let text = "";
  for (const part of parts) {
    if (part === null) {
      text += "-,";
    } else {
      const shown = String(part);
      text += `${shown.length}:${shown},`;
    }
  }
  return text;
}
