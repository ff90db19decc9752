import { createHmac, createSecretKey, hkdfSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { Secret } from "../../provider/core/secret.js";
import { encodeParts } from "../../provider/vault/embedded/format.js";
import { newKeyText, parseKeyText } from "../../provider/vault/embedded/key-file.js";
import { expand, VaultKeys } from "../../provider/vault/embedded/keys.js";
import { EMPTY_CENSUS, Ledger, takeCensus } from "../../provider/vault/embedded/ledger.js";
import { openRow, type Place, sealRow } from "../../provider/vault/embedded/seal.js";
import { lockSlot, unlock } from "../../provider/vault/embedded/slots.js";

const keys = new VaultKeys(Buffer.alloc(32, 7), "a-vault", 1);
keys.learnLastingKey(Buffer.alloc(32, 8));
const place: Place = { table: "credential", id: "cr_1", revision: 3, columns: ["ct_1", null, 0] };
const part = fc.oneof(fc.string(), fc.integer(), fc.constant(null));

describe("keys", () => {
  test("expanding is HKDF's second half: RFC 5869, test case 3", () => {
    const prk = Buffer.from("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04", "hex");
    const firstBlock = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
    expect(expand(createSecretKey(prk), "").toString("hex")).toBe(firstBlock);
  });

  test("a record's key is what HKDF gives from the data key by way of its purpose", () => {
    const info = encodeParts(["coffre", 1, "a-vault", 1, "seal credential"]);
    const purpose = Buffer.from(hkdfSync("sha256", Buffer.alloc(32, 7), "", info, 32));
    const expected = createHmac("sha256", purpose).update("cr_1").update(Buffer.of(1)).digest();
    expect(keys.recordKey("credential", "cr_1").export()).toEqual(expected);
  });

  test("vault, key number, table, record and purpose each give other keys", () => {
    const exported = [
      keys.recordKey("credential", "cr_1"),
      keys.recordKey("credential", "cr_2"),
      keys.recordKey("value", "cr_1"),
      new VaultKeys(Buffer.alloc(32, 7), "b-vault", 1).recordKey("credential", "cr_1"),
      new VaultKeys(Buffer.alloc(32, 7), "a-vault", 2).recordKey("credential", "cr_1"),
      keys.lastingPurposeKey("chain"),
      keys.purposeKey("census"),
    ].map((key) => key.export().toString("hex"));
    expect(new Set(exported).size).toBe(exported.length);
    const digests = (["digest", "mark", "stack", "token"] as const).map((purpose) => keys.keyed(purpose, "x"));
    expect(new Set(digests).size).toBe(4);
  });

  test("no two lists of parts are encoded to one text", () => {
    fc.assert(
      fc.property(fc.array(part), fc.array(part), (left, right) => {
        // Numbers and the text of their digits mean the same to a column.
        const same = JSON.stringify(left.map(asText)) === JSON.stringify(right.map(asText));
        expect(encodeParts(left) === encodeParts(right)).toBe(same);
      }),
    );
    expect(encodeParts(["ab", "c"])).not.toBe(encodeParts(["a", "bc"]));
    expect(encodeParts([null])).not.toBe(encodeParts(["-"]));
  });
});

function asText(value: string | number | null): string | null {
  return value === null ? null : String(value);
}

describe("sealing", () => {
  test("what is sealed opens again at its place", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(openRow(keys, place, sealRow(keys, place, text))).toBe(text);
      }),
    );
  });

  test("no two seals of one text are alike", () => {
    const seals = Array.from({ length: 1_000 }, () => sealRow(keys, place, "same").toString("hex"));
    expect(new Set(seals).size).toBe(1_000);
    expect(new Set(seals.map((seal) => seal.slice(0, 24))).size).toBe(1_000);
  });

  test.each<[string, Partial<Place>]>([
    ["table", { table: "category" }],
    ["record", { id: "cr_2" }],
    ["revision", { revision: 4 }],
    ["column", { columns: ["ct_2", null, 0] }],
    ["missing column", { columns: ["ct_1", null] }],
    ["column of another type", { columns: ["ct_1", "", 0] }],
  ])("another %s doesn't open it", (_, change) => {
    const sealed = sealRow(keys, place, "text");
    expect(() => openRow(keys, { ...place, ...change }, sealed)).toThrow("CORRUPT");
  });

  test("another vault or key number doesn't open it, and neither does any altered or cut text", () => {
    const sealed = sealRow(keys, place, "text");
    for (const other of [
      new VaultKeys(Buffer.alloc(32, 7), "b", 1),
      new VaultKeys(Buffer.alloc(32, 7), "a-vault", 2),
    ]) {
      expect(() => openRow(other, place, sealed)).toThrow("CORRUPT");
    }
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => openRow(keys, place, altered)).toThrow("CORRUPT");
      expect(() => openRow(keys, place, sealed.subarray(0, at))).toThrow("CORRUPT");
    }
  });
});

describe("the census", () => {
  const key = keys.purposeKey("census");
  const tags = fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { maxLength: 20 });

  test("depends on which rows there are, not on their order", () => {
    fc.assert(
      fc.property(tags, (rows) => {
        expect(takeCensus(key, rows.toReversed())).toEqual(takeCensus(key, rows));
      }),
    );
    expect(takeCensus(key, [])).toEqual(EMPTY_CENSUS);
  });

  test("is the same whether it is kept up or taken anew", () => {
    const tag = (byte: number) => new Uint8Array(16).fill(byte);
    const first = new Ledger();
    first.note("t", "a", 1, { after: tag(1) });
    first.note("t", "b", 1, { after: tag(2) });
    const second = new Ledger();
    second.note("t", "a", 2, { before: tag(1), after: tag(3) });
    second.note("t", "b", 0, { before: tag(2) });
    const kept = second.count(key, first.count(key, EMPTY_CENSUS));
    expect(kept).toEqual(takeCensus(key, [tag(3)]));
    expect(kept).not.toEqual(takeCensus(key, [tag(1)]));
  });
});

describe("the text of a key", () => {
  test("is one line that says what it is, and is never the same", () => {
    const text = newKeyText().reveal();
    expect(text).toMatch(/^coffre-key-1:[A-Za-z0-9_-]{48}$/);
    expect(newKeyText().reveal()).not.toBe(text);
    expect(parseKeyText(new Secret(`${text}\r\n`))).toHaveLength(32);
  });

  test("with any character changed, added or left out isn't taken for a key", () => {
    const text = newKeyText().reveal();
    const position = fc.integer({ min: 0, max: text.length - 1 });
    fc.assert(
      fc.property(position, fc.string({ minLength: 0, maxLength: 2 }), (at, replacement) => {
        const changed = text.slice(0, at) + replacement + text.slice(at + 1);
        fc.pre(changed.trim() !== text);
        expect(() => parseKeyText(new Secret(changed))).toThrow("WRONG_KEY");
      }),
    );
  });
});

describe("a key slot", () => {
  const home = { vaultId: "a-vault", keyNumber: 1, path: "/v.db" };
  const dataKey = Buffer.alloc(32, 9);

  test("gives the data key to its key only, in its vault only", async () => {
    const keyText = newKeyText();
    const slot = await lockSlot(home, dataKey, { keyText });
    expect(await unlock(home, [slot], { keyText })).toEqual({ dataKey, slotId: slot.id });
    await expect(unlock(home, [slot], { keyText: newKeyText() })).rejects.toMatchObject({ code: "WRONG_KEY" });
    await expect(unlock(home, [], { keyText })).rejects.toMatchObject({ code: "WRONG_KEY" });
    await expect(unlock({ ...home, vaultId: "b" }, [slot], { keyText })).rejects.toMatchObject({ code: "CORRUPT" });
  });

  test("that is damaged doesn't keep another from opening", async () => {
    const keyText = newKeyText();
    const damaged = { ...(await lockSlot(home, dataKey, { keyText })), wrapped: "AAAA" };
    const whole = await lockSlot(home, dataKey, { keyText });
    expect((await unlock(home, [damaged, whole], { keyText })).slotId).toBe(whole.id);
    await expect(unlock(home, [damaged], { keyText })).rejects.toMatchObject({
      code: "CORRUPT",
      details: { table: "slot", id: damaged.id },
    });
  });
});
