import { execFileSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import { sha512Crypt } from "../../provider/core/sha512-crypt.js";
import { hashPassword } from "../../provider/shell/password-hash.js";

/** What OpenSSL makes of the same. */
function byOpenssl(password: string, salt: string): string {
  return execFileSync("openssl", ["passwd", "-6", "-salt", salt, "-stdin"], { input: `${password}\n` })
    .toString()
    .trim();
}

describe("sha512crypt", () => {
  test.each([
    [
      "Hello world!",
      "saltstring",
      5000,
      "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ],
    [
      "the minimum number is still observed",
      "roundstoolow",
      1000,
      "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.",
    ],
  ])("makes the published hash of %j", (password, salt, rounds, hash) => {
    expect(sha512Crypt(password, salt, rounds)).toBe(hash);
  });

  test.each([1, 8, 63, 64, 65, 127, 128, 192])("agrees with OpenSSL about a password of %d characters", (length) => {
    const password = "aB3$%".repeat(length).slice(0, length);
    expect(sha512Crypt(password, "ab./XY019")).toBe(byOpenssl(password, "ab./XY019"));
  });

  test("takes letters of every kind", () => {
    expect(sha512Crypt("pässwörd-✓", "0123456789abcdef")).toBe(byOpenssl("pässwörd-✓", "0123456789abcdef"));
  });
});

describe("the hash of a credential's password", () => {
  test("is the same for the same version, and another for any other", () => {
    const hash = hashPassword("a password", "cr_1", 1);
    expect(hash).toMatch(/^\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/);
    expect(hashPassword("a password", "cr_1", 1)).toBe(hash);
    for (const other of [hashPassword("a password", "cr_2", 1), hashPassword("a password", "cr_1", 2)]) {
      expect(other.split("$")[2]).not.toBe(hash.split("$")[2]);
    }
  });

  test("has a salt that says nothing of the password", () => {
    expect(hashPassword("one", "cr_1", 1).split("$")[2]).toBe(hashPassword("another", "cr_1", 1).split("$")[2]);
  });
});
