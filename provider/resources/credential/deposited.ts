import { CoffreError } from "../../core/errors.js";
import { checkFieldValue, type FieldType, fileValue, LARGEST_BYTES, textValue, tooLarge } from "../../core/field.js";
import type { Secret } from "../../core/secret.js";
import type { StoredFile, Vault } from "../../vault/port.js";
import { type DepositSource, sourceText } from "./source.js";

/** The file that a source means today, and who gave it. */
export interface Deposited {
  file: StoredFile & { size: number; sha256: string };
  by: string;
  submittedAt: string;
}

/**
 * Finds the file of this name in the deposit that was submitted last. One that a scanner still has, or refused, doesn't
 * count, and leaves the one before it.
 * @param said how messages begin, for example `Credential partner, field tls.crt`
 * @returns `undefined` while nobody has deposited it
 * @throws CoffreError INVALID_INPUT if it is larger than such a field may be; NOT_FOUND, FORBIDDEN of the box
 */
export async function findDeposited(
  { boxes }: Vault,
  said: string,
  type: FieldType,
  source: DepositSource,
): Promise<Deposited | undefined> {
  let newest: Deposited | undefined;
  for await (const { by, submittedAt, files } of boxes.listDeposits(source.dropBox)) {
    if (submittedAt === undefined || (newest && submittedAt < newest.submittedAt)) continue;
    for (const file of files) {
      const { name, state, size, sha256 } = file;
      if (name !== source.file || state !== "ready" || size === undefined || sha256 === undefined) continue;
      newest = { file: { ...file, size, sha256 }, by, submittedAt };
    }
  }
  if (newest && newest.file.size > LARGEST_BYTES[type]) throw tooLarge(`${said}: the ${sourceText(source)}`, type);
  return newest;
}

/** Reads it, with an event of the box. @throws CoffreError INVALID_INPUT for what can't be such a value; what `read` throws */
export async function readDeposited(
  { boxes }: Vault,
  said: string,
  type: FieldType,
  { file }: Deposited,
): Promise<Secret> {
  const { content } = await boxes.files.read(file.id);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const bytes of content) {
    parts.push(bytes);
    size += bytes.length;
    if (size > file.size) break;
  }
  if (size !== file.size) throw new CoffreError("BAD_RESPONSE", `${said}: the file ${file.id} came in another size`);
  const bytes = Buffer.concat(parts);
  return checkFieldValue(said, type, type === "file" ? fileValue(bytes) : textValue(said, bytes));
}

/** What was found, without anything of the content: `SHA-256 9f86…, deposited by ana@acme.example on 2026-11-22T…`. */
export function depositedText({ file, by, submittedAt }: Deposited): string {
  return `SHA-256 ${file.sha256}, deposited by ${by} on ${submittedAt}`;
}
