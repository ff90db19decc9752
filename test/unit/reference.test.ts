import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { newId } from "../../provider/core/id.js";
import { checkName, checkVaultName, formatReference, parseReference } from "../../provider/core/reference.js";
import type { Reference } from "../../provider/core/reference.js";

const ID = "cr_4vJm0sTzq8YfB2nKxW1aLd";

/** A generator of names that a credential or a category may have; `id` and an id's shape come often. */
const names = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
    fc.constantFrom("id", "Id", "%69d", ID, "a?b&c=d", "é"),
  )
  .filter((name) => {
    try {
      checkName("credential", name);
      return true;
    } catch {
      return false;
    }
  })
  .map((name) => name.normalize("NFC"));

const extras = fc.record(
  {
    field: names,
    version: fc.oneof(
      fc.constantFrom("current" as const, "previous" as const, "pending" as const),
      fc.integer({ min: 1 }),
    ),
  },
  { requiredKeys: [] },
);
const vaults = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/);
const references: fc.Arbitrary<Reference> = fc.oneof(
  fc
    .tuple(vaults, fc.array(names, { minLength: 1, maxLength: 5 }), extras)
    .map(([vault, path, extra]) => ({ vault, ...extra, by: "path" as const, path })),
  fc.tuple(vaults, extras).map(([vault, extra]) => ({ vault, ...extra, by: "id" as const, id: newId("cr_") })),
);

describe("a reference", () => {
  test("reads back as it was written, whatever the names are", () => {
    fc.assert(
      fc.property(references, (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
      }),
      { numRuns: 2000 },
    );
  });

  test("has one canonical form", () => {
    fc.assert(
      fc.property(references, (reference) => {
        const text = formatReference(reference);
        expect(formatReference(parseReference(text))).toBe(text);
        expect(text).toMatch(/^[\w:/?&=%.~-]+$/);
      }),
    );
  });

  test("never throws anything but INVALID_INPUT for any text", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary" }).map((tail) => `coffre://prod/${tail}`),
      fc.tuple(references, fc.string()).map(([reference, tail]) => formatReference(reference) + tail),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseReference(text);
        } catch (error) {
          expect(error).toMatchObject({ name: "CoffreError", code: "INVALID_INPUT" });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("by path names vault, categories and the credential", () => {
    expect(parseReference("coffre://prod/Production/Bases%20de%20donn%C3%A9es/orders-app?field=url&version=3")).toEqual(
      {
        vault: "prod",
        by: "path",
        path: ["Production", "Bases de données", "orders-app"],
        field: "url",
        version: 3,
      },
    );
  });

  test("takes characters without a meaning as people type them", () => {
    expect(parseReference("coffre://prod/Bases de données/it's")).toMatchObject({ path: ["Bases de données", "it's"] });
  });

  test("by id names nothing but the id", () => {
    expect(parseReference(`coffre://prod/id/${ID}?version=pending`)).toEqual({
      vault: "prod",
      by: "id",
      id: ID,
      version: "pending",
    });
  });

  test.each([[["id", ID]], [["id"]], [["id", "a", "b"]]])(
    "writes a first name `id` so that it stays a path: %j",
    (path) => {
      const text = formatReference({ vault: "prod", by: "path", path });
      expect(text).toMatch(/^coffre:\/\/prod\/%69d(\/|$)/);
      expect(parseReference(text)).toEqual({ vault: "prod", by: "path", path });
    },
  );

  test("is the same for an é typed on two systems", () => {
    expect(parseReference("coffre://prod/cle%CC%81")).toEqual(parseReference("coffre://prod/cl%C3%A9"));
  });

  test("may name what another vault calls with a slash", () => {
    const reference = { vault: "prod", by: "path" as const, path: ["a/b", " c "] };
    expect(formatReference(reference)).toBe("coffre://prod/a%2Fb/%20c%20");
    expect(parseReference("coffre://prod/a%2Fb/%20c%20")).toEqual(reference);
  });
});

describe("a reference is refused, and says why:", () => {
  test.each([
    ["op://prod/x", "starts with coffre://, this one with op://"],
    ["COFFRE://prod/x", "starts with coffre://, this one with COFFRE://"],
    ["orders-app", "starts with coffre://, this one doesn't"],
    ["coffre:///x", "The vault's name is empty"],
    ["coffre://Prod/x", "The vault's name has characters that it can't have"],
    ["coffre://user:secret@prod/x", "The vault's name has characters that it can't have"],
    ["coffre://prod", "names a credential after the vault"],
    ["coffre://prod/", "segment 1 is empty"],
    ["coffre://prod/a//b", "segment 2 is empty"],
    ["coffre://prod/a/", "segment 2 is empty"],
    ["coffre://prod/../b", 'segment 1 is ".."'],
    ["coffre://prod/%2E%2E/b", 'segment 1 is ".."'],
    ["coffre://prod/a/100%", "segment 2 has a % that doesn't begin an encoded character"],
    ["coffre://prod/%ff", "segment 1 has a %"],
    ["coffre://prod/a%0Ab", "segment 1 has a line break"],
    ["coffre://prod/a%00b", "segment 1 has a control character"],
    ["coffre://prod/a%E2%80%AEb", "changes the direction of the text"],
    ["coffre://prod/id/orders-app", "after /id/ comes a credential's id"],
    ["coffre://prod/id", "after /id/ comes a credential's id"],
    [`coffre://prod/id/${ID}/x`, "after /id/ comes a credential's id"],
    ["coffre://prod/a#b", "no part after #"],
    ["coffre://prod/a?", "here nothing"],
    ["coffre://prod/a?fields=x", '"fields"'],
    ["coffre://prod/a?field=x&field=y", "field is given twice"],
    ["coffre://prod/a?version=1&version=1", "version is given twice"],
    ["coffre://prod/a?field=", "the field is empty"],
    ["coffre://prod/a?field=%zz", "the value of field has a %"],
    ["coffre://prod/a?version=0", "version is current, previous, pending or a number from 1"],
    ["coffre://prod/a?version=01", "version is current"],
    ["coffre://prod/a?version=1.5", "version is current"],
    ["coffre://prod/a?version=99999999999999999999", "version is current"],
    ["coffre://prod/a?version=latest", "version is current"],
    ["coffre://prod/a?b?c", "one ? at most"],
    [`coffre://prod/${"a".repeat(9000)}`, "at most 8192 characters"],
  ])("%s", (text, problem) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    expect(() => parseReference(text)).toThrow(problem);
  });

  test("the text itself isn't repeated, since it may be a password given by mistake", () => {
    for (const text of [
      "hunter2-hunter2",
      "coffre://prod/a?hunter2-hunter2!",
      "coffre://hunter2-Hunter2/x",
      "coffre://prod/id/hunter2",
    ]) {
      expect(() => parseReference(text)).not.toThrow(/hunter2/i);
    }
  });

  test("one that can't be written isn't written", () => {
    expect(() => formatReference({ vault: "prod", by: "path", path: [] })).toThrow("the path is empty");
    expect(() => formatReference({ vault: "prod", by: "path", path: ["a", "\ud800"] })).toThrow(
      "segment 2 isn't well-formed Unicode",
    );
    expect(() => formatReference({ vault: "prod", by: "id", id: "7" })).toThrow("the id isn't a credential's");
    expect(() => formatReference({ vault: "p", by: "path", path: ["a"], version: 0 })).toThrow("a number from 1");
  });
});

describe("a name", () => {
  test.each([
    ["", "is empty"],
    ["a\nb", "has a line break"],
    ["a\u2028b", "has a line break"],
    ["a\tb", "has a control character"],
    ["a/b", "has a slash"],
    [" a", "starts or ends with a space"],
    ["a\u00a0", "starts or ends with a space"],
    [".", 'is "."'],
    ["..", 'is ".."'],
    ["a\u202eb", "has an invisible character that changes the direction of the text"],
    ["\udc00", "isn't well-formed Unicode"],
    ["x".repeat(201), "has 201 characters, more than 200"],
  ])("%j is refused: %s", (name, problem) => {
    expect(() => checkName("credential", name)).toThrow(`INVALID_INPUT: The name of the credential ${problem}`);
    expect(() => checkName("category", name)).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", details: { field: "name" } }),
    );
  });

  test.each(["orders-app", "Bases de données", "id", "...", "ключ", "x".repeat(200), "😀".repeat(200)])(
    "%s is taken",
    (name) => {
      expect(checkName("category", name)).toBe(name);
    },
  );

  test("is kept in NFC", () => {
    expect(checkName("category", "cle\u0301")).toBe("cl\u00e9");
  });

  test.each(["", "-a", "Prod", "a b", "a/b", "é", "a".repeat(64)])("%j is no vault's name", (name) => {
    expect(() => checkVaultName(name)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  test("prod.eu-1 is a vault's name", () => {
    expect(checkVaultName("prod.eu-1")).toBe("prod.eu-1");
  });
});
