import { armor } from "age-encryption";
import type { Secret } from "../core/secret.js";
import { checkRecipients, decryptFile, encrypterFor, encryptLines } from "../vault/embedded/backup/age.js";

export { checkRecipients };

/** Encrypts text for all recipients. @throws CoffreError INVALID_INPUT for a text that is no recipient */
export async function sealForRecipients(text: Buffer, recipients: readonly string[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encryptLines([text.toString("utf8")], recipients)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A key for one recipient, as an armoured age file. @throws CoffreError INVALID_INPUT for a text that is no recipient */
export async function sealKeyForRecipient(key: Uint8Array, recipient: string): Promise<string> {
  return armor.encode(await encrypterFor([recipient]).encrypt(key));
}

/** The clear bytes of an age file. @throws CoffreError NOT_FOUND, FORBIDDEN, CORRUPT, WRONG_KEY */
export async function openAgeFile(path: string, identities: readonly Secret[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decryptFile(path, identities)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
