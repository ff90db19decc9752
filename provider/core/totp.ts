import { createRequire } from "node:module";
import type * as Otpauth from "otpauth";
import { CoffreError } from "./errors.js";
import { Secret } from "./secret.js";

/** A one-time code, and how long it is good for. */
export interface TotpCode {
  code: Secret;
  /** Whole seconds until the next one, from 1. */
  secondsLeft: number;
}

/** Services hand out 80 bits or more; less is a seed that was cut while it was copied. */
const LEAST_SEED_BYTES = 10;
const LONGEST_PERIOD_SECONDS = 3600;

/**
 * Checks the seed of one-time codes (RFC 6238): base32 as services print it, spaces, hyphens and lower case allowed, or
 * the `otpauth://totp/…` address behind the picture that apps scan.
 * @param what for messages, for example `The value of totp`
 * @returns the seed as it is kept: base32 without spaces in upper case, an address as it is
 * @throws CoffreError INVALID_INPUT, without a part of the seed
 */
export function checkTotpSeed(what: string, seed: Secret): Secret {
  const text = seed.reveal().trim();
  const kept = new Secret(/^otpauth:/i.test(text) ? text : text.replaceAll(/[\s=-]/g, "").toUpperCase());
  const { secret } = parseSeed(what, kept);
  if (secret.bytes.length >= LEAST_SEED_BYTES) return kept;
  throw invalid(
    what,
    `has fewer than ${LEAST_SEED_BYTES * 8} bits`,
    "It was cut while it was copied: ask for it again.",
  );
}

/** The code of this moment. @throws CoffreError INVALID_INPUT if the seed isn't one */
export function totpCode(seed: Secret, now: Date): TotpCode {
  const totp = parseSeed("The seed", seed);
  const timestamp = now.getTime();
  return {
    code: new Secret(totp.generate({ timestamp })),
    secondsLeft: Math.ceil(totp.remaining({ timestamp }) / 1000),
  };
}

/** Loaded for the first seed: it is large, and most that knows of fields never sees one. */
function otpauth(): typeof Otpauth {
  return createRequire(import.meta.url)("otpauth") as typeof Otpauth; // its CommonJS form, of the same types
}

function parseSeed(what: string, seed: Secret): Otpauth.TOTP {
  const text = seed.reveal();
  const { Secret: Seed, TOTP, URI } = otpauth();
  let parsed: unknown;
  try {
    parsed = /^otpauth:/i.test(text) ? URI.parse(text) : new TOTP({ secret: Seed.fromBase32(text) });
  } catch {
    // Without its cause: the library's messages name what they couldn't read.
    throw invalid(what, "isn't the seed of one-time codes");
  }
  if (parsed instanceof TOTP) {
    if (parsed.digits >= 6 && parsed.digits <= 10 && parsed.period <= LONGEST_PERIOD_SECONDS) return parsed;
    throw invalid(what, "asks for codes that no service takes", "A code has 6 to 10 digits and lasts an hour at most.");
  }
  throw invalid(what, "is the seed of counted codes (HOTP), which change with each use", "Ask for a time-based one.");
}

function invalid(
  what: string,
  problem: string,
  hint = "It is base32 (A to Z, 2 to 7) or an otpauth://totp/ address; the service shows it beside the picture to scan.",
): CoffreError {
  return new CoffreError("INVALID_INPUT", `${what} ${problem}`, { hint });
}
