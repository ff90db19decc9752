import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { stringify } from "yaml";
import { CoffreError } from "../core/errors.js";
import { sealKeyForRecipient } from "./age.js";
import { type ExchangeEntry, type ExchangeNote, pathText } from "./entry.js";
import { flatten } from "./flat.js";

/** The format's version that is written: what SOPS itself wrote at that version. */
const SOPS_VERSION = "3.9.4";
/** SOPS leaves what has this ending as it stands. */
const UNENCRYPTED = "_unencrypted";
/** SOPS keeps its own metadata under this key. */
const METADATA = "sops";
// SOPS draws that many; GCM takes any length.
const IV_BYTES = 32;

/**
 * A YAML document as SOPS writes it for age recipients: a key for each entry's path, below it one for each field, each value
 * sealed by AES-256-GCM for its place under one data key, which each recipient can open; and a MAC over all of them.
 * @throws CoffreError INVALID_INPUT for a recipient, and for names that mean something else to SOPS
 */
export async function writeSops(
  entries: readonly ExchangeEntry[],
  { recipients, now }: { recipients: readonly string[]; now: Date },
): Promise<{ bytes: Buffer; notes: ExchangeNote[] }> {
  const { values, notes } = flatten(entries);
  const dataKey = randomBytes(32);
  const digest = createHash("sha512");
  const tree: Record<string, Record<string, string>> = {};
  for (const { entry, key, type, text } of values) {
    const place = pathText(entry.path);
    refuseMeaning(place, key);
    if (type === "file") notes.push({ where: place, field: key, what: "its bytes are in base64" });
    digest.update(text);
    (tree[place] ??= {})[key] = seal(dataKey, text, `${place}:${key}:`);
  }
  const lastmodified = now.toISOString().replace(/\.\d+Z$/, "Z");
  const mac = seal(dataKey, digest.digest("hex").toUpperCase(), lastmodified);
  const age = await Promise.all(
    recipients.map(async (recipient) => ({ recipient, enc: await sealKeyForRecipient(dataKey, recipient) })),
  );
  dataKey.fill(0);
  const document = {
    ...tree,
    [METADATA]: { age, lastmodified, mac, unencrypted_suffix: UNENCRYPTED, version: SOPS_VERSION },
  };
  return { bytes: Buffer.from(stringify(document, { lineWidth: 0 })), notes };
}

/** @param place what the value is bound to: moved to another one, it doesn't open */
function seal(key: Buffer, text: string, place: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  cipher.setAAD(Buffer.from(place));
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  const parts = [data, iv, cipher.getAuthTag()].map((part) => part.toString("base64"));
  return `ENC[AES256_GCM,data:${parts[0]},iv:${parts[1]},tag:${parts[2]},type:str]`;
}

function refuseMeaning(place: string, key: string): void {
  const other = place === METADATA || [place, key].some((name) => name.endsWith(UNENCRYPTED));
  if (!other) return;
  throw new CoffreError("INVALID_INPUT", `The name of ${place} ${key} means something else to SOPS`, {
    hint: `Neither sops itself nor a name that ends with ${UNENCRYPTED} can be there: rename it. Nothing was written.`,
  });
}
