import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Secret } from "../../provider/core/secret.js";
import { ScramError, ScramExchange, scramVerifier } from "../../provider/target/postgres/scram.js";

// RFC 7677, section 3: the published exchange for user "user" and password "pencil".
const PUBLISHED = {
  nonce: "rOprNGfwEbeRWgbNEkqO",
  first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  answer: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  final: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};
const published = (password = "pencil") =>
  new ScramExchange(new Secret(password), { nonce: PUBLISHED.nonce, username: "user" });

/** A server's side, written from RFC 5802 and not from the code under test. */
function serverSide(verifier: string, exchange: ScramExchange) {
  const [, iterations = "", salt = "", storedKey = "", serverKey = ""] =
    /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier) ?? [];
  const clientFirst = exchange.first.slice("n,,".length);
  const challenge = `${clientFirst.slice("n=,".length)}server,s=${salt},i=${iterations}`;
  const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  return {
    challenge,
    /** The answer to a client's proof; undefined if the password is wrong. */
    judge(answer: string): string | undefined {
      const [withoutProof = "", proof = ""] = answer.split(",p=");
      const text = `${clientFirst},${challenge},${withoutProof}`;
      const signature = hmac(Buffer.from(storedKey, "base64"), text);
      const clientKey = Buffer.from(proof, "base64").map((byte, index) => byte ^ (signature[index] ?? 0));
      if (createHash("sha256").update(clientKey).digest("base64") !== storedKey) return undefined;
      return `v=${hmac(Buffer.from(serverKey, "base64"), text).toString("base64")}`;
    },
  };
}

describe("the SCRAM-SHA-256 exchange", () => {
  test("speaks the exchange that RFC 7677 publishes", async () => {
    const exchange = published();
    expect(exchange.first).toBe(PUBLISHED.first);
    await expect(exchange.answer(PUBLISHED.challenge)).resolves.toBe(PUBLISHED.answer);
    expect(exchange.isProven(PUBLISHED.final)).toBe(true);
  });

  test("takes no server signature but the right one for a proof", async () => {
    const exchange = published();
    expect(exchange.isProven(PUBLISHED.final)).toBe(false); // nothing was asked yet
    await exchange.answer(PUBLISHED.challenge);
    const signature = Buffer.from(PUBLISHED.final.slice(2), "base64");
    signature[0] = (signature[0] ?? 0) ^ 1;
    for (const wrong of ["", "v=", "e=other-error", `v=${signature.toString("base64")}`, "v=6rriTRBi23Wp"]) {
      expect(exchange.isProven(wrong)).toBe(false);
    }
    const other = published("pencils");
    await other.answer(PUBLISHED.challenge);
    expect(other.isProven(PUBLISHED.final)).toBe(false);
  });

  test.each([
    ["is another exchange's", "r=someoneElse%hvY,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"],
    ["adds nothing to our nonce", "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"],
    ["has no salt", "r=rOprNGfwEbeRWgbNEkqOserver,s=,i=4096"],
    ["makes guessing cheap", "r=rOprNGfwEbeRWgbNEkqOserver,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"],
    ["would keep us busy for hours", "r=rOprNGfwEbeRWgbNEkqOserver,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2147483647"],
    ["is empty", ""],
  ])("gives no proof to a challenge that %s", async (_what, challenge) => {
    await expect(published().answer(challenge)).rejects.toBeInstanceOf(ScramError);
  });

  test("no challenge makes it answer anything but a proof, or fail with a ScramError", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (challenge) => {
        await expect(published().answer(challenge)).rejects.toBeInstanceOf(ScramError);
      }),
    );
  });
});

describe("the SCRAM-SHA-256 verifier", () => {
  test("has the form and the keys that PostgreSQL keeps", async () => {
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    const salted = pbkdf2Sync("pencil", salt, 4096, 32, "sha256");
    const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
    const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
    await expect(scramVerifier(new Secret("pencil"), { salt })).resolves.toBe(
      `SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$${storedKey}:${hmac("Server Key").toString("base64")}`,
    );
  });

  test("is another one each time", async () => {
    const password = new Secret("pencil");
    expect(await scramVerifier(password)).not.toBe(await scramVerifier(password));
  });

  test("lets the same password in and no other, whatever its characters", async () => {
    const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((word) => !word.includes("\0"));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 4096, max: 4200 }), async (password, iterations) => {
        const verifier = await scramVerifier(new Secret(password), { iterations });
        const right = new ScramExchange(new Secret(password));
        const server = serverSide(verifier, right);
        const signature = server.judge(await right.answer(server.challenge));
        expect(signature !== undefined && right.isProven(signature)).toBe(true);
        const wrong = new ScramExchange(new Secret(`${password}x`));
        const other = serverSide(verifier, wrong);
        expect(other.judge(await wrong.answer(other.challenge))).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["a letter and its composed form", "e\u0301te\u0301", "\u00e9t\u00e9"],
    ["a compatibility form", "\u2168", "IX"],
    ["a space of another script", "a\u00a0b", "a b"],
    ["a mark that says nothing", "a\u00adb\u00e9", "ab\u00e9"],
  ])("takes %s for the same password, as RFC 4013 says", async (_what, typed, meant) => {
    const salt = Buffer.alloc(16);
    expect(await scramVerifier(new Secret(typed), { salt })).toBe(await scramVerifier(new Secret(meant), { salt }));
  });

  test("uses a text that SASLprep forbids as it is, as PostgreSQL does", async () => {
    const salt = Buffer.alloc(16);
    const salted = pbkdf2Sync("\u00e9\u0007", salt, 4096, 32, "sha256");
    const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
    expect(await scramVerifier(new Secret("\u00e9\u0007"), { salt })).toMatch(
      new RegExp(`:${serverKey.replace(/[+/]/g, "\\$&")}$`),
    );
  });
});
