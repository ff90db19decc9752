import { expect, test } from "@jest/globals";
import type { EventFilter } from "../../../provider/vault/port.js";
import { collect, type CreateVault, createOne, failure, onVault, readValue, withValue } from "./setup.js";

export function eventCases(create: CreateVault): void {
  test(
    "every change leaves an event with its number, time, actor and ids",
    onVault(create, async ({ vault, clock, start, elsewhere }) => {
      const category = await vault.createCategory({ name: "C", parentId: null });
      clock.pass({ seconds: 1 });
      const made = await createOne(vault, { name: "a", categoryId: category.id, ...withValue("v") });
      const other = await elsewhere();
      await readValue(other, made.id);
      await other.updateCredential(made.id, { name: "b", url: "https://b.example" });
      await other.archiveCredential(made.id, {});
      await other.deleteCredential(made.id, {});
      await other.deleteCategory(category.id, {});
      const events = await collect(vault.listEvents({ after: start }));
      expect(events.map(({ seq, action }) => [seq - start, action])).toEqual([
        [1, "category.created"],
        [2, "credential.created"],
        [3, "credential.read"],
        [4, "credential.updated"],
        [5, "credential.archived"],
        [6, "credential.deleted"],
        [7, "category.deleted"],
      ]);
      expect(events[1]).toEqual({
        seq: start + 2,
        at: "2030-01-01T00:00:01.000Z",
        actor: "ana@runner-1 (test)",
        action: "credential.created",
        ids: [made.id],
        version: 1,
      });
      expect(events[3]).toMatchObject({ detail: "name, url" });
      expect(events.slice(2).every(({ actor }) => actor.startsWith("bo@"))).toBe(true);
      expect((await vault.identity()).head).toBe(start + 7);
    }),
  );

  test(
    "events are cut to those after a number, of one credential, and to a limit",
    onVault(create, async ({ vault, start }) => {
      const made = await vault.createCredentials(
        Array.from({ length: 1200 }, (_, index) => ({ name: `n${index}`, categoryId: null })),
      );
      const [first, , third] = made;
      await vault.updateCredential(first?.id ?? "", { name: "renamed" });
      const seqs = async ({ after = 0, ...filter }: EventFilter) =>
        (await collect(vault.listEvents({ after: start + after, ...filter }))).map(({ seq }) => seq - start);
      expect(await seqs({})).toEqual(Array.from({ length: 1201 }, (_, index) => index + 1));
      expect(await seqs({ after: 1198 })).toEqual([1199, 1200, 1201]);
      expect(await seqs({ after: 5, limit: 2 })).toEqual([6, 7]);
      expect(await seqs({ credentialId: first?.id ?? "" })).toEqual([1, 1201]);
      expect(await seqs({ credentialId: third?.id ?? "", after: 3 })).toEqual([]);
      expect(await seqs({ after: 1201 })).toEqual([]);
    }),
  );

  test(
    "what fails leaves no event",
    onVault(create, async ({ vault, start }) => {
      await createOne(vault, { name: "a" });
      await failure(createOne(vault, { name: "a" }), "CONFLICT");
      await failure(vault.createCategory({ name: "", parentId: null }), "INVALID_INPUT");
      expect(await collect(vault.listEvents({ after: start }))).toHaveLength(1);
    }),
  );

  test(
    "a head that was seen is known for ever, by its proof or the beginning of it; one of another past isn't",
    onVault(create, async ({ vault, elsewhere }) => {
      const proofs: string[] = [];
      for (const name of ["a", "b", "c"]) {
        await vault.createCategory({ name, parentId: null });
        proofs.push((await vault.identity()).headProof);
      }
      expect(proofs.every((proof) => /^\d+:[0-9a-f]{32}$/.test(proof))).toBe(true);
      expect(new Set(proofs).size).toBe(3);
      expect(await (await elsewhere()).hasHeads(proofs)).toEqual([true, true, true]);
      const [first = "", second = ""] = proofs;
      const digits = (proof: string) => proof.split(":")[1] ?? "";
      const seq = parseInt(first, 10);
      const others = [
        `${seq}:${digits(first).slice(0, 16)}`,
        `${seq}:${digits(second)}`,
        `${seq + 9}:${digits(first)}`,
        "?",
      ];
      expect(await vault.hasHeads(others)).toEqual([true, false, false, false]);
      expect(await vault.hasHeads([])).toEqual([]);
    }),
  );
}

/** For a vault whose server keeps the log. */
export function serverLogCases(create: CreateVault): void {
  test(
    "a vault whose server keeps the log says so, and its head stands still",
    onVault(create, async ({ vault, elsewhere }) => {
      const before = await vault.identity();
      await createOne(vault, { name: "a" });
      expect(await (await elsewhere()).identity()).toEqual(before);
      expect(await vault.hasHeads([before.headProof, before.headProof.slice(0, 18), "1:0000000000000000"])).toEqual([
        true,
        true,
        false,
      ]);
      await failure(collect(vault.listEvents()), "NOT_SUPPORTED");
    }),
  );
}

export function identityCases(create: CreateVault): void {
  test(
    "the identity stays, and a digest is equal for equal texts in this vault only",
    onVault(create, async ({ vault, elsewhere }) => {
      const identity = await vault.identity();
      expect(identity).toMatchObject({ restoreCounter: 0 });
      const other = await elsewhere();
      expect(await other.identity()).toEqual(identity);
      const digest = await vault.digest("a cause");
      expect(digest).toMatch(/^[0-9a-f]{32}$/);
      expect(await other.digest("a cause")).toBe(digest);
      expect(await vault.digest("another cause")).not.toBe(digest);
      const stranger = await create();
      try {
        const vaultOfTheirs = await stranger.open({ clock: { ...nowhere }, actor: "x", source: "x" });
        expect(await vaultOfTheirs.digest("a cause")).not.toBe(digest);
        expect((await vaultOfTheirs.identity()).id).not.toBe(identity.id);
      } finally {
        await stranger.dispose();
      }
    }),
  );

  test(
    "closing twice is safe",
    onVault(create, async ({ vault }) => {
      await vault.identity();
      await vault.close();
      await vault.close();
    }),
  );
}

const nowhere = { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => undefined };
