import { expect, test } from "@jest/globals";
import { fileValue } from "../../../provider/core/field.js";
import { Secret } from "../../../provider/core/secret.js";
import { digester, newDigestKey } from "../../../provider/core/value-digest.js";
import type { FoundValue, Vault } from "../../../provider/vault/port.js";
import { collect, createOne, expectLastEvent, failure, onVault, type CreateVault, withValue } from "./setup.js";

const VALUE = 'Zq7 "x"!9-mPz%4wA';
const PEM_LINE = "MIIEvgIBADANBgkqhkiG9w0BAQEFAASC";

async function find(vault: Vault, ...texts: string[]): Promise<FoundValue[]> {
  const key = newDigestKey();
  if (!vault.findValues) throw new Error("this vault compares nothing");
  return vault.findValues({ key, digests: texts.map(digester(key)).join("") });
}

/** Of vaults that have `findValues`. */
export function comparingCases(create: CreateVault): void {
  test(
    "a value is found in each of the forms in which it stands in files, and in no other",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "entry", ...withValue(VALUE) });
      const base64 = Buffer.from(VALUE).toString("base64");
      const forms = new Set([
        VALUE,
        JSON.stringify(VALUE).slice(1, -1),
        encodeURIComponent(VALUE),
        base64,
        base64.replace(/=+$/, ""),
        Buffer.from(`${VALUE}\n`).toString("base64"),
        Buffer.from(VALUE).toString("base64url"),
        Buffer.from(VALUE).toString("hex"),
      ]);
      const entry = { credentialId: id, path: ["entry"], field: "password", version: 1, state: "current" };
      const found = await find(vault, "another text", ...forms);
      expect(found).toMatchObject([...forms].map(() => entry));
      expect(new Set(found.map(({ digest }) => digest)).size).toBe(forms.size);
      expect(await find(vault, VALUE.slice(1), VALUE.toUpperCase(), `${VALUE}x`)).toEqual([]);
    }),
  );

  test(
    "earlier versions, archived entries, removed fields and lines of files are found; text fields and short values aren't",
    onVault(create, async ({ vault }) => {
      const put = (name: string, type: "text" | "secret" | "file", value: Secret) =>
        ({ change: "put", name, type, value, cause: "test" }) as const;
      const file = fileValue(
        Buffer.from(`-----BEGIN PRIVATE KEY-----\n${PEM_LINE}\nshort line\n-----END PRIVATE KEY-----\n`),
      );
      const { id } = await createOne(vault, {
        name: "entry",
        ...withValue("seven77"),
        fields: [
          put("token", "secret", new Secret("token-of-before")),
          put("token", "secret", new Secret("token-of-today")),
          put("gone", "secret", new Secret("removed-token")),
          put("note", "text", new Secret("a public text")),
          put("key", "file", file),
        ],
      });
      await vault.updateCredential(id, { fields: [{ change: "remove", name: "gone" }] });
      await vault.archiveCredential(id, {});
      const texts = ["seven77", "token-of-before", "token-of-today", "removed-token", "a public text", PEM_LINE];
      const found = await find(vault, ...texts, "short line", "-----BEGIN PRIVATE KEY-----");
      expect(found.map(({ field, version, state, archived }) => [field, version, state, archived])).toEqual([
        ["token", 1, "previous", true],
        ["token", 2, "current", true],
        ["gone", 1, "previous", true],
        ["key", 1, "current", true],
      ]);
    }),
  );

  test(
    "one event says who compared how much and what was found, with nothing of a text",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "entry", ...withValue(VALUE) });
      await createOne(vault, { name: "other", ...withValue("not looked for") });
      await find(vault, VALUE, "something else");
      await expectLastEvent(vault, { action: "values.compared", ids: [id], detail: "2 digests" });
      expect(JSON.stringify(await collect(vault.listEvents()))).not.toContain("something else");
    }),
  );

  test(
    "a query that isn't whole, or is too long, is refused",
    onVault(create, async ({ vault }) => {
      const key = newDigestKey();
      if (!vault.findValues) throw new Error("this vault compares nothing");
      await failure(vault.findValues({ key, digests: "x".repeat(11) }), "INVALID_INPUT");
      await failure(vault.findValues({ key, digests: "x".repeat(10 * 1_000_001) }), "INVALID_INPUT");
      expect(await vault.findValues({ key, digests: "" })).toEqual([]);
    }),
  );
}
