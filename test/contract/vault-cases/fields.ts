import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { fileBytes, fileValue, LARGEST_BYTES } from "../../../provider/core/field.js";
import { Secret } from "../../../provider/core/secret.js";
import type { FieldChange, ValueRequest, Vault } from "../../../provider/vault/port.js";
import {
  type CreateVault,
  createOne,
  expectActions,
  expectLastEvent,
  expectNewEvents,
  failure,
  keepsLog,
  onVault,
  withValue,
} from "./setup.js";

const CAUSE = "command:test";
const SEED = "JBSW Y3DP ehpk 3pxp";

function put(name: string, value: string, more: Partial<FieldChange & { change: "put" }> = {}): FieldChange {
  return { change: "put", name, type: "secret", value: new Secret(value), cause: CAUSE, ...more };
}

async function read(vault: Vault, request: ValueRequest): Promise<string> {
  const [answer] = await vault.readMany([request]);
  if (!answer || answer instanceof Error) throw answer ?? new Error("no answer");
  return answer.value.reveal();
}

export function fieldCases(create: CreateVault): void {
  test(
    "a credential has fields of every type from the beginning, and shows the text ones only",
    onVault(create, async ({ vault }) => {
      const bytes = randomBytes(1000);
      const made = await createOne(vault, {
        name: "a",
        ...withValue("the password"),
        fields: [
          put("contact", "ana@example.com", { type: "text" }),
          put("token", "tok"),
          put("totp", SEED, { type: "totp" }),
          put("tls.key", "", { type: "file", value: fileValue(bytes) }),
          { change: "declare", name: "later", type: "file" },
        ],
      });
      expect(made.fields.map(({ name, type, text, versions }) => [name, type, text, versions.length])).toEqual([
        ["contact", "text", "ana@example.com", 1],
        ["token", "secret", undefined, 1],
        ["totp", "totp", undefined, 1],
        ["tls.key", "file", undefined, 1],
        ["later", "file", undefined, 0],
      ]);
      expect(made.fields[1]?.versions).toEqual([
        { number: 1, state: "current", type: "secret", cause: CAUSE, createdAt: "2030-01-01T00:00:00.000Z" },
      ]);
      const { id } = made;
      const answers = await vault.readMany([
        { id },
        { id, field: "password" },
        { id, field: "contact" },
        { path: ["a"], field: "token" },
        { id, field: "totp" },
        { id, field: "tls.key" },
      ]);
      expect(answers.map((answer) => (answer instanceof Error ? answer : [answer.field, answer.type]))).toEqual([
        ["password", "secret"],
        ["password", "secret"],
        ["contact", "text"],
        ["token", "secret"],
        ["totp", "totp"],
        ["tls.key", "file"],
      ]);
      expect(answers.slice(0, 5).map((answer) => (answer instanceof Error ? answer : answer.value.reveal()))).toEqual([
        "the password",
        "the password",
        "ana@example.com",
        "tok",
        "JBSWY3DPEHPK3PXP",
      ]);
      const key = answers[5];
      if (!key || key instanceof Error) throw key ?? new Error("no answer");
      expect(fileBytes(key.value).equals(bytes)).toBe(true);
    }),
  );

  test(
    "a new version of a field leaves the earlier one readable, and the password's versions alone",
    onVault(create, async ({ vault, clock }) => {
      const { id } = await createOne(vault, { name: "a", ...withValue("the password"), fields: [put("token", "one")] });
      clock.pass({ minutes: 1 });
      const after = await vault.updateCredential(id, { fields: [put("token", "two"), put("token", "three")] });
      expect(after.fields[0]?.versions.map(({ number, state }) => `${number} ${state}`)).toEqual([
        "1 previous",
        "2 previous",
        "3 current",
      ]);
      expect(after.fields[0]?.versions[2]?.createdAt).toBe("2030-01-01T00:01:00.000Z");
      expect(after.versions).toHaveLength(1);
      expect(await read(vault, { id, field: "token" })).toBe("three");
      expect(await read(vault, { id, field: "token", version: "previous" })).toBe("two");
      expect(await read(vault, { id, field: "token", version: 1 })).toBe("one");
      expect(await read(vault, { id })).toBe("the password");
    }),
  );

  test(
    "events name fields and never values; reading a text writes none",
    onVault(create, async ({ vault, start }) => {
      const fields = [put("token", "s3cr3t-token"), put("note", "call ana", { type: "text" })];
      const { id } = await createOne(vault, { name: "a", fields });
      await vault.updateCredential(id, { fields: [{ change: "declare", name: "key", type: "file" }], username: "u" });
      await vault.updateCredential(id, { fields: [{ change: "remove", name: "key" }] });
      await expectActions(vault, { after: start }, [
        "credential.created",
        "field.put",
        "field.put",
        "credential.updated",
        "field.declared",
        "field.removed",
      ]);
      const { head } = await vault.identity();
      expect(await read(vault, { id, field: "note" })).toBe("call ana");
      await expectNewEvents(vault, head, 0);
      await read(vault, { id, field: "token" });
      await expectLastEvent(vault, { action: "credential.read", detail: "token", version: 1 });
      await vault.readMany([{ id }, { id, field: "token" }]);
      await expectLastEvent(vault, { action: "credential.read", detail: "token", ids: [id] });
      if (!keepsLog(vault)) return;
      for await (const event of vault.listEvents()) expect(JSON.stringify(event)).not.toMatch(/s3cr3t|call ana/);
    }),
  );

  test(
    "who changed a field after it was seen isn't overwritten",
    onVault(create, async ({ vault, elsewhere }) => {
      const { id } = await createOne(vault, { name: "a" });
      await (await elsewhere()).updateCredential(id, { fields: [put("token", "theirs", { expected: 0 })] });
      const late = await failure(
        vault.updateCredential(id, { fields: [put("token", "ours", { expected: 0 })] }),
        "CONFLICT",
      );
      expect(late.message).toContain("Somebody changed the field token");
      await failure(
        vault.updateCredential(id, { fields: [{ change: "remove", name: "token", expected: 7 }] }),
        "CONFLICT",
      );
      await vault.updateCredential(id, { fields: [put("token", "after a look", { expected: 1 })] });
      expect(await read(vault, { id, field: "token" })).toBe("after a look");
    }),
  );

  test(
    "who changed a description after it was seen isn't overwritten",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "a", description: "the shop", tags: ["eu"] });
      const expected = { description: "the shop", url: null, tags: ["eu"] };
      await vault.updateCredential(id, { url: "https://theirs.example.com" });
      const late = await failure(vault.updateCredential(id, { description: "ours", expected }), "CONFLICT");
      expect(late.message).toContain("Somebody changed url of a");
      await vault.updateCredential(id, {
        description: "ours",
        expected: { ...expected, url: "https://theirs.example.com" },
      });
      expect(await vault.readCredential(id)).toMatchObject({ description: "ours" });
    }),
  );

  test(
    "a removed field keeps its versions, and goes on with them when it comes back, also as another type",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "a", fields: [put("token", "one"), put("x", "y")] });
      const removed = await vault.updateCredential(id, { fields: [{ change: "remove", name: "token" }] });
      expect(removed.fields.map(({ name }) => name)).toEqual(["x"]);
      expect(removed.removedFields).toMatchObject([{ name: "token", removedAt: "2030-01-01T00:00:00.000Z" }]);
      const [gone] = await vault.readMany([{ id, field: "token" }]);
      expect(gone).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("was removed") });
      expect(await read(vault, { id, field: "token", version: 1 })).toBe("one");
      await vault.updateCredential(id, {
        fields: [
          { change: "remove", name: "token" },
          { change: "remove", name: "never-there" },
        ],
      });

      const back = await vault.updateCredential(id, { fields: [put("token", "two words", { type: "text" })] });
      expect(back.fields.find(({ name }) => name === "token")).toMatchObject({
        type: "text",
        text: "two words",
        versions: [
          { number: 1, state: "previous", type: "secret" },
          { number: 2, state: "current", type: "text" },
        ],
      });
      const [earlier] = await vault.readMany([{ id, field: "token", version: 1 }]);
      expect(earlier).toMatchObject({ type: "secret" });
      expect(back.removedFields).toEqual([]);
    }),
  );

  test(
    "a field of another type isn't filled by mistake; declared anew it awaits a value",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "a", fields: [put("note", "words", { type: "text" })] });
      const wrong = await failure(vault.updateCredential(id, { fields: [put("note", "secret words")] }), "CONFLICT");
      expect(wrong.message).toContain("is of type text, not secret");
      const anew = await vault.updateCredential(id, { fields: [{ change: "declare", name: "note", type: "secret" }] });
      expect(anew.fields[0]).not.toHaveProperty("text");
      const [awaited] = await vault.readMany([{ id, field: "note" }]);
      expect(awaited).toMatchObject({ code: "NOT_FOUND", message: expect.stringContaining("awaits its value") });
      expect(await read(vault, { id, field: "note", version: "previous" })).toBe("words");
    }),
  );

  test(
    "changes are written together with the rest, or none of them",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "a", description: "before" });
      const { head } = await vault.identity();
      const fields = [put("token", "one"), put("broken", "")];
      await failure(vault.updateCredential(id, { description: "after", fields }), "INVALID_INPUT");
      expect(await vault.readCredential(id)).toMatchObject({ description: "before", fields: [] });
      await failure(vault.createCredentials([{ name: "b", categoryId: null, fields }]), "INVALID_INPUT");
      await expectNewEvents(vault, head, 0);
      const same = [put("note", "words", { type: "text" }), { change: "declare", name: "key", type: "file" } as const];
      await vault.updateCredential(id, { fields: same });
      const after = await vault.identity();
      await vault.updateCredential(id, { fields: same });
      await expectNewEvents(vault, after.head, 0);
    }),
  );

  test.each<[string, Partial<FieldChange & { change: "put" }>, RegExp]>([
    ["an empty value", { value: new Secret("") }, /The value of f is empty/],
    ["an empty file", { type: "file", value: fileValue(Buffer.alloc(0)) }, /The value of f is empty/],
    ["a NUL", { value: new Secret("a\0b") }, /has a NUL character/],
    ["a large text", { type: "text", value: new Secret("x".repeat(4097)) }, /larger than 4096 bytes/],
    ["a large secret", { value: new Secret("é".repeat(40_000)) }, /larger than 65536 bytes/],
    ["a file of 10 MB", { type: "file", value: fileValue(Buffer.alloc(10_000_000)) }, /larger than 1048576 bytes/],
    ["what is no base64", { type: "file", value: new Secret("ä") }, /isn't the base64/],
    ["half a character", { value: new Secret("\ud800") }, /isn't well-formed/],
    ["what is no seed", { type: "totp", value: new Secret("018") }, /isn't the seed/],
    ["a short seed", { type: "totp", value: new Secret("ABCDEFGH") }, /fewer than 80 bits/],
    ["the password's name", { name: "Password" }, /which every credential has/],
    ["a name with a space", { name: "api token" }, /isn't 1 to 64 letters/],
  ])("%s is refused before anything is written, and not repeated", (_what, more, message) =>
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "a" });
      const { head } = await vault.identity();
      const error = await failure(
        vault.updateCredential(id, { fields: [put("f", "good"), put("f", "good", more)] }),
        "INVALID_INPUT",
      );
      expect(error.message).toMatch(message);
      await expectNewEvents(vault, head, 0);
    })(),
  );

  test(
    "a file of the largest size is kept byte for byte; one byte more is too large",
    onVault(create, async ({ vault }) => {
      const bytes = randomBytes(LARGEST_BYTES.file);
      const file = (value: Buffer) => [put("f", "", { type: "file", value: fileValue(value) })];
      const { id } = await createOne(vault, { name: "a", fields: file(bytes) });
      expect(Buffer.from(await read(vault, { id, field: "f" }), "base64").equals(bytes)).toBe(true);
      await failure(
        vault.updateCredential(id, { fields: file(Buffer.concat([bytes, Buffer.of(0)])) }),
        "INVALID_INPUT",
      );
    }),
  );

  test(
    "a credential has 64 fields at most",
    onVault(create, async ({ vault }) => {
      const fields = Array.from({ length: 64 }, (_, index) => put(`f${index}`, "x"));
      const { id } = await createOne(vault, { name: "a", fields });
      const error = await failure(vault.updateCredential(id, { fields: [put("more", "x")] }), "INVALID_INPUT");
      expect(error.message).toContain("has 64 fields already");
      await vault.updateCredential(id, { fields: [put("f3", "y")] });
    }),
  );

  test(
    "fields are archived, brought back and deleted with their credential, and another stack may not change them",
    onVault(create, async ({ vault }) => {
      const owner = { key: "k", stack: "s", token: "right" };
      const { id } = await createOne(vault, { name: "a", owner, fields: [put("token", "one")] });
      await failure(vault.updateCredential(id, { token: "wrong", fields: [put("token", "two")] }), "CONFLICT");
      await vault.updateCredential(id, { token: "right", fields: [put("token", "two")] });
      await vault.archiveCredential(id, {});
      await failure(vault.updateCredential(id, { fields: [put("token", "three")] }), "NOT_FOUND");
      expect(await read(vault, { id, field: "token" })).toBe("two");
      expect((await vault.unarchiveCredential(id, null)).fields).toHaveLength(1);
      await vault.deleteCredential(id, {});
      const [answer] = await vault.readMany([{ id, field: "token", version: 1 }]);
      expect(answer).toMatchObject({ code: "NOT_FOUND" });
    }),
  );

  test(
    "a field or a version that isn't there is NOT_FOUND in its place",
    onVault(create, async ({ vault }) => {
      const { id } = await createOne(vault, { name: "a", ...withValue("v"), fields: [put("token", "one")] });
      const answers = await vault.readMany([
        { id, field: "other" },
        { id, field: "token", version: "pending" },
        { id, field: "token", version: 2 },
        { id, field: "token" },
      ]);
      expect(answers).toMatchObject([
        { code: "NOT_FOUND", message: expect.stringContaining('has no field "other"') },
        { code: "NOT_FOUND", message: expect.stringContaining("has no pending version") },
        { code: "NOT_FOUND", message: expect.stringContaining("has no version 2") },
        { field: "token", version: 1 },
      ]);
    }),
  );
}
