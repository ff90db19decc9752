import { createHash, createHmac, createSecretKey, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Secret } from "../../core/secret.js";

/** Rounds of PBKDF2 where the server doesn't ask for more; the least that RFC 7677 (section 4) accepts. */
export const LEAST_ITERATIONS = 4096;
/** About half a second of work: more, asked for by a server, would be an attack or a mistake. */
export const MOST_ITERATIONS = 2_000_000;

const SALT_BYTES = 16;
const NONCE_BYTES = 18;
const KEY_BYTES = 32;
const GS2_HEADER = "n,,"; // no channel binding

const derive = promisify(pbkdf2);
const hmac = (key: Buffer, text: string) => createHmac("sha256", createSecretKey(key)).update(text).digest();
const sha256 = (data: Buffer) => createHash("sha256").update(data).digest();

/** The exchange went in a way that a real server's doesn't. Its message is the end of a sentence about the server. */
export class ScramError extends Error {
  override readonly name = "ScramError";
}

/**
 * What PostgreSQL keeps in place of a password, made here so that the password never travels:
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5803, PostgreSQL's `scram-common.c`).
 */
export async function scramVerifier(
  password: Secret,
  { iterations = LEAST_ITERATIONS, salt = randomBytes(SALT_BYTES) } = {},
): Promise<string> {
  const { clientKey, serverKey } = await keys(password, salt, iterations);
  const base64 = [salt, sha256(clientKey), serverKey].map((part) => part.toString("base64"));
  return `SCRAM-SHA-256$${iterations}:${base64[0]}$${base64[1]}:${base64[2]}`;
}

/** The client's side of one SCRAM-SHA-256 exchange (RFC 5802). PostgreSQL takes the user from the start of the session. */
export class ScramExchange {
  readonly #password: Secret;
  readonly #nonce: string;
  readonly #firstBare: string;
  #expectedSignature: Buffer | undefined;

  /** `nonce` and `username` are for tests against published exchanges. */
  constructor(password: Secret, { nonce = randomBytes(NONCE_BYTES).toString("base64"), username = "" } = {}) {
    this.#password = password;
    this.#nonce = nonce;
    this.#firstBare = `n=${username},r=${nonce}`;
  }

  /** The first message, which says nothing about the password. */
  get first(): string {
    return GS2_HEADER + this.#firstBare;
  }

  /** Answers the server's challenge. @throws ScramError for one that no real server sends */
  async answer(serverFirst: string): Promise<string> {
    const fields = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,9})(?:,|$)/.exec(serverFirst);
    const [, nonce = "", salt = "", iterationText = ""] = fields ?? [];
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new ScramError("sent a challenge that doesn't belong to this exchange");
    }
    const iterations = Number(iterationText);
    if (iterations < LEAST_ITERATIONS || iterations > MOST_ITERATIONS) {
      throw new ScramError(
        `keeps the password with ${iterations} iterations; from ${LEAST_ITERATIONS} to ${MOST_ITERATIONS} are accepted`,
      );
    }
    const { clientKey, serverKey } = await keys(this.#password, Buffer.from(salt, "base64"), iterations);
    const finalBare = `c=${Buffer.from(GS2_HEADER).toString("base64")},r=${nonce}`;
    const exchange = `${this.#firstBare},${serverFirst},${finalBare}`;
    const signature = hmac(sha256(clientKey), exchange);
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
    this.#expectedSignature = hmac(serverKey, exchange);
    return `${finalBare},p=${Buffer.from(proof).toString("base64")}`;
  }

  /** True if the server knows this password's verifier: only then has it proven anything. */
  isProven(serverFinal: string): boolean {
    const signature = Buffer.from(/^v=([^,]*)/.exec(serverFinal)?.[1] ?? "", "base64");
    const expected = this.#expectedSignature;
    return expected !== undefined && signature.length === expected.length && timingSafeEqual(signature, expected);
  }
}

/** The last keys of each password, for as long as it is held: the proof right after a set needs those of the verifier. */
const lastKeys = new WeakMap<Secret, { of: string; made: ReturnType<typeof deriveKeys> }>();

function keys(password: Secret, salt: Buffer, iterations: number): ReturnType<typeof deriveKeys> {
  const of = `${iterations}:${salt.toString("base64")}`;
  const last = lastKeys.get(password);
  if (last?.of === of) return last.made;
  const made = deriveKeys(password, salt, iterations);
  lastKeys.set(password, { of, made });
  return made;
}

async function deriveKeys(password: Secret, salt: Buffer, iterations: number) {
  const salted = await derive(await prepare(password.reveal()), salt, iterations, KEY_BYTES, "sha256");
  return { clientKey: hmac(salted, "Client Key"), serverKey: hmac(salted, "Server Key") };
}

/**
 * SASLprep as the server and libpq apply it (PostgreSQL's `saslprep.c`): ASCII stays as it is, and a text that the
 * profile forbids is used unchanged.
 */
async function prepare(text: string): Promise<string> {
  if (/^[\0-\x7f]*$/.test(text)) return text; // all generated passwords; the library and its tables aren't even loaded
  const { saslprep } = await import("@mongodb-js/saslprep");
  try {
    return saslprep(text) || text;
  } catch {
    return text;
  }
}
