import { argon2, createSecretKey, hash, hkdfSync, type KeyObject, randomBytes, randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import { CURVE_KEY_BYTES, privateKeyOf, publicBytesOf, sharedSecret } from "./curve-keys.js";
import { corrupt, encodeParts, SEALING } from "./format.js";
import { parseKeyText, readKeyFile } from "./key-file.js";
import { KEY_BYTES } from "./keys.js";
import { open, seal } from "./seal.js";

/** What opens a vault: one of its key slots. */
export type VaultKey =
  /** One that a person remembers; argon2id makes guessing slow. */
  | { passphrase: Secret }
  /** The text of a key file: `coffre-key-1:…`. */
  | { keyText: Secret }
  /** Path of a key file, which only its owner may read. */
  | { keyFile: string }
  /** A key that never leaves the server that keeps it. */
  | { transit: TransitKey };

/** A key in the transit engine of another server, which wraps what a slot opens with. */
export interface TransitKey {
  /** @param bound what {@link unwrap} has to give too. @throws CoffreError UNREACHABLE, FORBIDDEN, CONFIGURATION */
  wrap(bytes: Uint8Array, bound: string): Promise<string>;
  /**
   * @returns the bytes, for the caller to wipe; `undefined` if another key has wrapped them, or for another slot
   * @throws CoffreError UNREACHABLE, FORBIDDEN; WRONG_KEY if the key is gone, or doesn't open any more what it wrapped
   */
  unwrap(wrapped: string, bound: string): Promise<Buffer | undefined>;
}

export type SlotKind = keyof typeof KDF;

/** One key slot, as a person sees it. */
export interface SlotInfo {
  id: string;
  /** Who or what it is for, chosen when it was added. */
  label: string;
  kind: SlotKind;
  /** ISO 8601, UTC. */
  createdAt: string;
}

/** The part of a slot that is read before any key is known. */
export interface SlotLock {
  id: string;
  kind: SlotKind;
  /** How the slot's key is derived: {@link KDF}. */
  kdf: string;
  /** 16 random bytes, base64url; with a transit key the slot's own key, as that has wrapped it. */
  salt: string;
  /** The data key, sealed for the slot's public key, base64url. */
  wrapped: string;
  /** Tells a damaged slot from a wrong key; keeps nobody out. */
  checksum: string;
}

/** A new slot, with what its sealed row keeps besides the label. */
export interface NewSlot extends SlotLock {
  /**
   * 32 bytes, base64url. With it a new data key is wrapped for a slot whose key nobody is there to give. It stands sealed:
   * only who has the data key can name it.
   */
  publicKey: string;
}

/** What binds a slot to its vault. */
export interface SlotHome {
  vaultId: string;
  keyNumber: number;
}

// RFC 9106, second recommended option. A format has one of each kind: what a file asks for is never followed.
const KDF = { passphrase: "argon2id,m=65536,t=3,p=4", "key-file": "hkdf-sha256", transit: "transit" } as const;
/** For messages. */
const KIND_WORDS: Readonly<Record<SlotKind, string>> = {
  passphrase: "passphrase",
  "key-file": "key file",
  transit: "transit key",
};
const MEMORY_KIB = 65_536;
const PASSES = 3;
const LANES = 4;
const SALT_BYTES = 16;
const SHORTEST_PASSPHRASE = 12;
const CHECKSUM_LENGTH = 22;

const argon2Async = promisify(argon2);

/** Wraps a data key for a new slot. @throws CoffreError INVALID_INPUT for a passphrase that is too short; CONFIGURATION, WRONG_KEY */
export async function lockSlot(home: SlotHome, dataKey: Uint8Array, key: VaultKey): Promise<NewSlot> {
  const kind = kindOf(key);
  if ("passphrase" in key && [...key.passphrase.reveal()].length < SHORTEST_PASSPHRASE) {
    throw new CoffreError("INVALID_INPUT", `The passphrase has less than ${SHORTEST_PASSPHRASE} characters`, {
      hint: "Whoever copies the file can try passphrases at leisure: take five or six random words.",
      details: { field: "passphrase" },
    });
  }
  const id = randomUUID();
  if ("transit" in key) {
    const slotKey = randomBytes(CURVE_KEY_BYTES);
    const publicKey = publicKeyOf(slotKey);
    const salt = await key.transit.wrap(slotKey, boundTo(home, id)).finally(() => slotKey.fill(0));
    return { ...rewrap(home, dataKey, { id, kind, kdf: KDF[kind], salt }, publicKey), publicKey };
  }
  const slot = { id, kind, kdf: KDF[kind], salt: randomBytes(SALT_BYTES).toString("base64url") };
  const slotKey = await deriveKey(key, slot.salt);
  const publicKey = publicKeyOf(slotKey);
  slotKey.fill(0);
  return { ...rewrap(home, dataKey, slot, publicKey), publicKey };
}

/**
 * Has a slot's key wrapped anew, by the newest version of its transit key.
 * @returns the slot as it is to be kept. @throws CoffreError WRONG_KEY if that key doesn't open this slot; as {@link TransitKey}
 */
export async function lockAgain(
  home: SlotHome,
  dataKey: Uint8Array,
  slot: Pick<NewSlot, "id" | "salt" | "publicKey">,
  transit: TransitKey,
): Promise<NewSlot> {
  const { id, publicKey } = slot;
  const slotKey = await transit.unwrap(slot.salt, boundTo(home, id));
  try {
    if (!slotKey || publicKeyOf(slotKey) !== publicKey) {
      throw new CoffreError("WRONG_KEY", "The transit key that is configured isn't the one of this key slot", {
        hint: "Name its own with --transit-key or COFFRE_TRANSIT_KEY.",
      });
    }
    const salt = await transit.wrap(slotKey, boundTo(home, id));
    return { ...rewrap(home, dataKey, { id, kind: "transit", kdf: KDF.transit, salt }, publicKey), publicKey };
  } finally {
    slotKey?.fill(0);
  }
}

/** The kind that a row names. @throws CoffreError CORRUPT */
export function slotKindOf(id: string, text: string): SlotKind {
  if (Object.hasOwn(KDF, text)) return text as SlotKind; // one of its keys
  throw corrupt("slot", id, "its kind is unknown");
}

function publicKeyOf(slotKey: Uint8Array): string {
  return publicBytesOf(privateKeyOf("x25519", slotKey)).toString("base64url");
}

/** What a wrapped slot key is good for: this slot of this vault. A re-key leaves it as it is. */
function boundTo({ vaultId }: SlotHome, slotId: string): string {
  return encodeParts(["coffre transit slot", SEALING, vaultId, slotId]);
}

/** Wraps another data key for a slot that exists: its own key isn't needed for that. */
export function rewrap(
  home: SlotHome,
  dataKey: Uint8Array,
  { id, kind, kdf, salt }: Pick<SlotLock, "id" | "kind" | "kdf" | "salt">,
  publicKey: string,
): SlotLock {
  const slot = { id, kind, kdf, salt };
  const recipient = Buffer.from(publicKey, "base64url");
  const once = privateKeyOf("x25519", randomBytes(CURVE_KEY_BYTES));
  const oncePublic = publicBytesOf(once);
  const wrapKey = wrapKeyOf(sharedSecret(once, recipient), oncePublic, recipient);
  if (!wrapKey) throw corrupt("slot", id, "its public key is none");
  const wrapped = Buffer.concat([oncePublic, seal(wrapKey, wrapData(home, slot), dataKey)]).toString("base64url");
  return { ...slot, wrapped, checksum: checksumOf(home, { ...slot, wrapped }) };
}

function unwrap(home: SlotHome, slot: SlotLock, slotKey: Uint8Array): Buffer | undefined {
  const privateKey = privateKeyOf("x25519", slotKey);
  const bytes = Buffer.from(slot.wrapped, "base64url");
  const oncePublic = bytes.subarray(0, CURVE_KEY_BYTES);
  if (oncePublic.length < CURVE_KEY_BYTES) return undefined;
  const wrapKey = wrapKeyOf(sharedSecret(privateKey, oncePublic), oncePublic, publicBytesOf(privateKey));
  return wrapKey && open(wrapKey, wrapData(home, slot), bytes.subarray(CURVE_KEY_BYTES));
}

function wrapKeyOf(shared: Buffer | undefined, once: Uint8Array, recipient: Uint8Array): KeyObject | undefined {
  if (!shared) return undefined;
  const salt = Buffer.concat([once, recipient]);
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", shared, salt, "coffre data key", KEY_BYTES)));
  shared.fill(0);
  return key;
}

/**
 * Tries the key on each slot of its kind.
 * @param home with the file's path, for messages
 * @returns the data key, for the caller to wipe, and the slot that opened
 * @throws CoffreError WRONG_KEY; CORRUPT if none opens and one of them is damaged
 */
export async function unlock(
  home: SlotHome & { path: string },
  slots: readonly SlotLock[],
  key: VaultKey,
): Promise<{ dataKey: Buffer; slotId: string }> {
  const kind = kindOf(key);
  let damaged: SlotLock | undefined;
  for (const slot of slots) {
    if (isDamaged(home, slot)) {
      damaged ??= slot;
      continue;
    }
    if (slot.kind !== kind || slot.kdf !== KDF[kind]) continue;
    const slotKey =
      "transit" in key ? await key.transit.unwrap(slot.salt, boundTo(home, slot.id)) : await deriveKey(key, slot.salt);
    const dataKey = slotKey?.length === CURVE_KEY_BYTES ? unwrap(home, slot, slotKey) : undefined;
    slotKey?.fill(0);
    if (dataKey?.length === KEY_BYTES) return { dataKey, slotId: slot.id };
  }
  if (damaged) throw corrupt("slot", damaged.id, "it was altered, so the key may be right all the same");
  throw new CoffreError("WRONG_KEY", `No key slot of the vault ${home.path} opens with this ${KIND_WORDS[kind]}`, {
    hint: "Check which vault and which key are configured: `coffre doctor` shows both.",
  });
}

/** True if a slot's bytes aren't those that were written. */
export function isDamaged(home: SlotHome, slot: SlotLock): boolean {
  return slot.checksum !== checksumOf(home, slot);
}

function kindOf(key: VaultKey): SlotKind {
  if ("transit" in key) return "transit";
  return "passphrase" in key ? "passphrase" : "key-file";
}

async function deriveKey(key: Exclude<VaultKey, { transit: TransitKey }>, salt: string): Promise<Buffer> {
  const nonce = Buffer.from(salt, "base64url");
  if ("passphrase" in key) {
    // NFC: an é typed on two systems is one passphrase.
    const message = Buffer.from(key.passphrase.reveal().normalize("NFC"), "utf8");
    const parameters = { message, nonce, parallelism: LANES, tagLength: KEY_BYTES, memory: MEMORY_KIB, passes: PASSES };
    const derived = await argon2Async("argon2id", parameters);
    message.fill(0);
    return derived;
  }
  const bytes = parseKeyText("keyText" in key ? key.keyText : readKeyFile(key.keyFile));
  const derived = Buffer.from(hkdfSync("sha256", bytes, nonce, "coffre key slot", KEY_BYTES));
  bytes.fill(0);
  return derived;
}

function wrapData({ vaultId, keyNumber }: SlotHome, slot: Omit<SlotLock, "wrapped" | "checksum">): string {
  return encodeParts(["coffre slot", SEALING, vaultId, keyNumber, slot.id, slot.kind, slot.kdf, slot.salt]);
}

function checksumOf(home: SlotHome, slot: Omit<SlotLock, "checksum">): string {
  return hash("sha256", encodeParts([wrapData(home, slot), slot.wrapped]), "base64url").slice(0, CHECKSUM_LENGTH);
}
