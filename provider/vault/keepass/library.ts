import { argon2 } from "node:crypto";
import { promisify } from "node:util";
import kdbxweb from "kdbxweb";
import type { Kdbx, KdbxCredentials } from "kdbxweb";
import { CoffreError } from "../../core/errors.js";
import { checkContainer, damaged, LARGEST_BYTES } from "./container.js";
import type { KdbxKey } from "./content.js";

export type { Kdbx, KdbxEntry as LibraryEntry, KdbxGroup as LibraryGroup } from "kdbxweb";

const { Consts, Credentials, CryptoEngine, Int64, KdbxUuid, Kdbx: Library, KdbxError, ProtectedValue } = kdbxweb;
export const { KdbxBinaries } = kdbxweb;
export { KdbxUuid, ProtectedValue };
/** An instance of the class of that name. */
export type Protected = InstanceType<typeof ProtectedValue>;

/** As OWASP's advice for Argon2id, and a third of a second: the library's own default is a sixtieth of the memory. */
const MEMORY_BYTES = 64 * 1024 * 1024;
const PASSES = 3;
/** A file names its own cost: one that would take all of the machine's memory is no file of people. */
const MOST_MEMORY_KIB = 2 * 1024 * 1024;

const argon2Async = promisify(argon2);

CryptoEngine.setArgon2Impl(async (password, salt, memory, iterations, length, parallelism, type) => {
  if (memory > MOST_MEMORY_KIB) throw new KdbxError(Consts.ErrorCodes.Unsupported, "memory");
  const derived = await argon2Async(type === CryptoEngine.Argon2TypeArgon2id ? "argon2id" : "argon2d", {
    message: Buffer.from(password),
    nonce: Buffer.from(salt),
    memory,
    passes: iterations,
    tagLength: length,
    parallelism,
  });
  return arrayOf(derived);
});

/**
 * Reads a file, KDBX 4 or 3.1.
 * @param what for messages: its path
 * @throws CoffreError WRONG_KEY, CORRUPT, NOT_SUPPORTED
 */
export async function loadKdbx(bytes: Uint8Array, key: KdbxKey, what: string): Promise<Kdbx> {
  if (bytes.length > LARGEST_BYTES) throw damaged(what, `is larger than ${LARGEST_BYTES} bytes`);
  const { isChecked } = checkContainer(bytes, what);
  const credentials = credentialsOf(key);
  try {
    return await Library.load(arrayOf(bytes), credentials);
  } catch (error) {
    throw mapLoadError(error, what, isChecked);
  }
}

/** A new, empty database that needs this key: KDBX 4, AES-256, Argon2id with 64 MiB and 3 passes. */
export function createKdbx(name: string, key: KdbxKey): Kdbx {
  const kdbx = Library.create(credentialsOf(key), name);
  kdbx.setVersion(4);
  kdbx.setKdf(Consts.KdfId.Argon2id);
  kdbx.header.kdfParameters?.set("M", kdbxweb.VarDictionary.ValueType.UInt64, Int64.from(MEMORY_BYTES));
  kdbx.header.kdfParameters?.set("I", kdbxweb.VarDictionary.ValueType.UInt64, Int64.from(PASSES));
  return kdbx;
}

/** The bytes of the file. */
export async function saveKdbx(kdbx: Kdbx): Promise<Buffer> {
  return Buffer.from(await kdbx.save());
}

function credentialsOf({ passphrase, keyFile }: KdbxKey): KdbxCredentials {
  const password = passphrase === undefined ? null : ProtectedValue.fromString(passphrase.reveal());
  return new Credentials(password, keyFile === undefined ? null : arrayOf(keyFile));
}

/** A buffer of its own: Node's small ones share one. */
function arrayOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** Without its cause: the library's messages are its own, and may show what it read. */
function mapLoadError(error: unknown, what: string, isChecked: boolean): CoffreError {
  const code = error instanceof KdbxError ? error.code : undefined;
  if (code === Consts.ErrorCodes.InvalidKey) {
    const problem = isChecked ? "doesn't open with this key" : "doesn't open with this key, or is damaged";
    return new CoffreError("WRONG_KEY", `The KeePass file ${what} ${problem}`, {
      hint: "Check the passphrase, and whether a key file belongs to it (?keyFile= in its URL, or --from-key-file).",
    });
  }
  if (code === Consts.ErrorCodes.Unsupported || code === Consts.ErrorCodes.InvalidVersion) {
    return new CoffreError("NOT_SUPPORTED", `The KeePass file ${what} is of a kind that isn't read here`, {
      hint: "Save it anew with a current KeePass or KeePassXC, as KDBX 4.",
    });
  }
  return damaged(what, "was altered, or is damaged");
}
