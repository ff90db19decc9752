import { describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { checkTotpSeed, totpCode } from "../../provider/core/totp.js";

// RFC 6238, appendix B: the seed is the ASCII text 12345678901234567890, and longer ones for the longer digests.
const SHA1 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const SHA256 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA";
const address = (seed: string, more: string) =>
  new Secret(`otpauth://totp/ACME:ana@example.com?secret=${seed}&issuer=ACME&${more}`);

test.each([
  [59, "94287082", "46119246"],
  [1_111_111_109, "07081804", "68084774"],
  [1_234_567_890, "89005924", "91819424"],
  [20_000_000_000, "65353130", "77737706"],
])("at %d seconds the codes are those of RFC 6238", (seconds, sha1, sha256) => {
  const now = new Date(seconds * 1000);
  expect(totpCode(address(SHA1, "digits=8"), now).code.reveal()).toBe(sha1);
  expect(totpCode(address(SHA256, "digits=8&algorithm=SHA256"), now).code.reveal()).toBe(sha256);
  expect(totpCode(new Secret(SHA1), now).code.reveal()).toBe(sha1.slice(2));
});

test.each([
  [0, 30],
  [1_000, 29],
  [29_500, 1],
  [30_000, 30],
])("%d ms into a period the code is good for %d seconds", (ms, secondsLeft) => {
  expect(totpCode(new Secret(SHA1), new Date(ms)).secondsLeft).toBe(secondsLeft);
});

test("another period counts, too", () => {
  expect(totpCode(address(SHA1, "period=60"), new Date(29_500)).secondsLeft).toBe(31);
});

describe("a seed is kept", () => {
  test.each([
    ["as services print it", "gezd gnbv gy3t qojq gezd gnbv gy3t qojq", SHA1],
    ["with hyphens and a line's end", "GEZDGNBV-GY3TQOJQ-GEZDGNBV-GY3TQOJQ\n", SHA1],
    ["with padding", `${SHA1}====`, SHA1],
    ["as an address", address(SHA1, "digits=6").reveal(), address(SHA1, "digits=6").reveal()],
  ])("%s", (_what, given, kept) => {
    expect(checkTotpSeed("The value of totp", new Secret(given)).reveal()).toBe(kept);
  });
});

describe("a seed is refused, and no part of it repeated", () => {
  test.each([
    ["characters that base32 hasn't", "GEZDGNBVGY3TQ1890", "isn't the seed of one-time codes"],
    ["nothing but spaces", "   ", "has fewer than 80 bits"],
    ["a part of one", "GEZDGNBVGY3T", "has fewer than 80 bits"],
    ["a code in the seed's place", "492039", "isn't the seed of one-time codes"],
    ["an address without a seed", "otpauth://totp/x?issuer=GEZDGNBV", "isn't the seed of one-time codes"],
    ["an address that is cut", `otpauth://totp/${SHA1}`, "isn't the seed of one-time codes"],
    ["a half-encoded address", `otpauth://totp/%E0%A4?secret=${SHA1}`, "isn't the seed of one-time codes"],
    ["counted codes", `otpauth://hotp/x?secret=${SHA1}&counter=1`, "is the seed of counted codes (HOTP)"],
    ["twenty digits", `otpauth://totp/x?secret=${SHA1}&digits=20`, "asks for codes that no service takes"],
    ["a period of a day", `otpauth://totp/x?secret=${SHA1}&period=86400`, "asks for codes that no service takes"],
    ["another digest", `otpauth://totp/x?secret=${SHA1}&algorithm=MD5`, "isn't the seed of one-time codes"],
  ])("%s", (_what, given, problem) => {
    let error: unknown;
    try {
      checkTotpSeed("The value of totp", new Secret(given));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(CoffreError);
    const { message, cause } = error as CoffreError; // what the line before says
    expect(message).toContain(`The value of totp ${problem}`);
    expect(message).not.toMatch(/GEZD|1890|492039/);
    expect(cause).toBeUndefined();
  });
});
