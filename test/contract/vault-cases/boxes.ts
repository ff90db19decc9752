import { expect, test } from "@jest/globals";
import type { Deposit, DropBox, DropBoxInput, Mail, Owner, Vault } from "../../../provider/vault/port.js";
import { RecordVault } from "../../../provider/vault/records/record-vault.js";
import { collect, type CreateVault, failure, keepsLog, onVault } from "./setup.js";

const platform: Owner = { key: "platform/prod/DropBox/acme", stack: "acme/platform/prod", token: "token-of-platform" };
const shop: Owner = { key: "shop/prod/DropBox/acme", stack: "acme/shop/prod", token: "token-of-shop" };
const acme = { name: "acme", categoryId: null, recipients: ["ana@acme.example"] };

export function box(vault: Vault, input: Partial<DropBoxInput> = {}): Promise<DropBox> {
  return vault.boxes.createBox({ ...acme, ...input });
}

export async function* pieces(...texts: (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield typeof text === "string" ? Buffer.from(text) : text;
}

/** A deposit with these files, submitted. */
export async function deposit(
  vault: Vault,
  { id }: DropBox,
  files: Record<string, string | Uint8Array>,
): Promise<Deposit> {
  const opened = await vault.boxes.openDeposit(id, { by: "ana@acme.example" });
  for (const [name, content] of Object.entries(files)) {
    const file = await vault.boxes.files.create({ depositId: opened.id, name });
    await vault.boxes.files.append(file.id, 0, pieces(content));
    await vault.boxes.files.finish(file.id);
  }
  return vault.boxes.submitDeposit(opened.id);
}

export async function contentOf(vault: Vault, fileId: string, by?: string): Promise<Buffer> {
  const { content } = await vault.boxes.files.read(fileId, by === undefined ? undefined : { by });
  return Buffer.concat(await collect(content));
}

/** Mail that waits, where this process has the rows. */
async function mailOf(vault: Vault): Promise<Mail[]> {
  return vault instanceof RecordVault ? collect(vault.outbox.list()) : [];
}

function later(now: Date, days: number): string {
  return new Date(now.getTime() + days * 86_400_000).toISOString();
}

export function boxCases(create: CreateVault): void {
  test(
    "a drop-box is read as it was created, found by name, and its people are told in the same write",
    onVault(create, async ({ vault, clock, start }) => {
      const top = await vault.createCategory({ name: "Partners", parentId: null });
      const expiresAt = later(clock.now(), 10);
      const made = await box(vault, {
        categoryId: top.id,
        recipients: ["ana@ACME.example", "bo@acme.example", "ana@acme.example", "ANA@acme.example"],
        managers: ["cy@example.com", "Bo@acme.example"],
        description: "The signed statement\nof this month",
        expiresAt,
        archivesAt: later(clock.now(), 20),
        partitioned: true,
        downloadNotice: true,
        maxFileBytes: 1000,
        fileTypes: ["pdf"],
        keepDays: 30,
        phones: ["+33 1 23 45 67 89"],
      });
      expect(made).toEqual({
        id: expect.stringMatching(/^bx_[A-Za-z0-9]{22}$/),
        name: "acme",
        categoryId: top.id,
        path: ["Partners", "acme"],
        recipients: ["ana@acme.example", "bo@acme.example"],
        managers: ["cy@example.com", "Bo@acme.example"],
        description: "The signed statement\nof this month",
        expiresAt,
        archivesAt: later(clock.now(), 20),
        partitioned: true,
        depositNotice: true,
        downloadNotice: true,
        enabled: true,
        maxFileBytes: 1000,
        fileTypes: ["pdf"],
        keepDays: 30,
        phones: ["+33 1 23 45 67 89"],
        owned: false,
        createdAt: clock.now().toISOString(),
        status: "open",
        depositCount: 0,
        bytes: 0,
        // Only who knows a server knows where its pages are.
        ...(made.url === undefined ? {} : { url: expect.stringMatching(/^http.*\/boxes\/bx_/) }),
      });
      expect(await vault.boxes.readBox(made.id)).toEqual(made);
      expect(await vault.boxes.findBox(top.id, "acme")).toEqual(made);
      expect(await vault.boxes.findBox(null, "acme")).toBeUndefined();
      expect(await collect(vault.boxes.listBoxes())).toEqual([made]);
      await failure(vault.deleteCategory(top.id, {}), "CONFLICT");
      if (vault instanceof RecordVault) {
        expect(await mailOf(vault)).toMatchObject(
          ["ana@acme.example", "bo@acme.example", "cy@example.com"].map((to) => ({
            to,
            template: "box-opened",
            about: [made.id],
            notAfter: expiresAt,
            parameters: { box: "acme", manager: !to.startsWith("ana") },
          })),
        );
      }
      if (keepsLog(vault)) {
        const events = await collect(vault.listEvents({ after: start, credentialId: made.id }));
        expect(events).toMatchObject([{ action: "box.created", ids: [made.id, top.id] }]);
        expect(events[0]?.detail).toContain("recipients ana@acme.example bo@acme.example");
      }
    }),
  );

  test(
    "what a drop-box can't be is refused, and nothing is made",
    onVault(create, async ({ vault, clock }) => {
      for (const wrong of [
        { name: "a/b" },
        { name: "" },
        { recipients: ["not an address"] },
        { recipients: ["a@b.example\r\nBcc: c@d.example"] },
        { managers: ["Ana <ana@acme.example>"] },
        { expiresAt: "tomorrow" },
        { expiresAt: later(clock.now(), 2), archivesAt: later(clock.now(), 1) },
        { maxBytes: 0 },
        { maxFileBytes: 1.5 },
        { keepDays: -1 },
        { fileTypes: [".PDF"] },
        { fileTypes: ["csv"] },
        { description: "x".repeat(4001) },
        { phones: ["1\n2"] },
      ]) {
        await failure(box(vault, wrong), "INVALID_INPUT");
      }
      await failure(box(vault, { categoryId: "ct_gone" }), "NOT_FOUND");
      await failure(vault.boxes.readBox("bx_gone"), "NOT_FOUND");
      expect(await collect(vault.boxes.listBoxes())).toEqual([]);
      expect(await mailOf(vault)).toEqual([]);
    }),
  );

  test(
    "a name that is taken is a conflict, or replaces the box that has it, which stays readable",
    onVault(create, async ({ vault }) => {
      const first = await box(vault);
      const { files } = await deposit(vault, first, { "a.txt": "kept" });
      expect((await failure(box(vault), "CONFLICT")).details).toMatchObject({ boxId: first.id });
      const second = await box(vault, { onNameConflict: "replace", owner: platform });
      expect(await vault.boxes.findBox(null, "acme")).toMatchObject({ id: second.id, owned: true });
      expect(await vault.boxes.readBox(first.id)).toMatchObject({
        status: "archived",
        depositCount: 1,
        path: ["acme"],
      });
      expect((await contentOf(vault, files[0]?.id ?? "")).toString()).toBe("kept");
      expect((await collect(vault.boxes.listBoxes({ archived: true }))).map(({ id }) => id)).toEqual([first.id]);
      // Another stack's isn't taken away from it.
      await failure(box(vault, { onNameConflict: "replace", owner: shop }), "CONFLICT");
      await failure(box(vault, { onNameConflict: "replace" }), "CONFLICT");
      const third = await box(vault, { onNameConflict: "replace", owner: platform });
      expect(await vault.boxes.findOwnedBox(platform.key)).toBe(third.id);
    }),
  );

  test(
    "changes are what was given; who is new is told; a foreign token is refused",
    onVault(create, async ({ vault, clock }) => {
      const made = await box(vault, { owner: platform, description: "old", downloadNotice: true });
      const before = (await mailOf(vault)).length;
      await failure(vault.boxes.updateBox(made.id, { token: shop.token, name: "mine" }), "CONFLICT");
      const changed = await vault.boxes.updateBox(made.id, {
        token: platform.token,
        name: "acme GmbH",
        description: null,
        recipients: ["Ana@acme.example", "dee@acme.example"],
        expiresAt: later(clock.now(), 1),
        downloadNotice: false,
        partitioned: true,
      });
      expect(changed).toMatchObject({ name: "acme GmbH", partitioned: true, downloadNotice: false });
      expect(changed.description).toBeUndefined();
      expect(await vault.boxes.readBox(made.id)).toEqual(changed);
      expect((await mailOf(vault)).slice(before).map(({ to }) => to)).toEqual(
        vault instanceof RecordVault ? ["dee@acme.example"] : [],
      );
      const { head } = await vault.identity();
      expect(await vault.boxes.updateBox(made.id, { name: "acme GmbH" })).toEqual(changed);
      expect((await vault.identity()).head).toBe(head);
      await box(vault, { name: "other" });
      await failure(vault.boxes.updateBox(made.id, { name: "other" }), "CONFLICT");
      await failure(vault.boxes.archiveBox(made.id, { token: shop.token }), "CONFLICT");
      await failure(vault.boxes.deleteBox(made.id, { token: shop.token }), "CONFLICT");
      await vault.boxes.archiveBox(made.id, { token: platform.token });
      await vault.boxes.archiveBox(made.id, { token: shop.token }); // archived already
      expect(await vault.boxes.findOwnedBox(platform.key)).toBeUndefined();
      await vault.boxes.deleteBox(made.id, { token: platform.token });
      await vault.boxes.deleteBox(made.id, {});
      await failure(vault.boxes.readBox(made.id), "NOT_FOUND");
    }),
  );

  test(
    "a box that is to be deleted only if it is empty stays with whatever anybody has put into it",
    onVault(create, async ({ vault }) => {
      const { boxes } = vault;
      const made = await box(vault, { owner: platform });
      const begun = await boxes.openDeposit(made.id, { by: "ana@acme.example" });
      const file = await boxes.files.create({ depositId: begun.id, name: "half.txt" });
      await boxes.files.append(file.id, 0, pieces("half"));
      const removal = { token: platform.token, onlyEmpty: true };
      expect((await failure(boxes.deleteBox(made.id, removal), "CONFLICT")).details).toMatchObject({ deposits: 1 });
      await boxes.files.abort(file.id);
      const { id } = await deposit(vault, made, { "a.txt": "kept" });
      await failure(boxes.deleteBox(made.id, removal), "CONFLICT");
      expect((await boxes.readDeposit(id)).files).toHaveLength(1);
      await boxes.deleteDeposit(id);
      await failure(boxes.deleteBox(made.id, { ...removal, token: shop.token }), "CONFLICT");
      await boxes.deleteBox(made.id, removal);
      await failure(boxes.readBox(made.id), "NOT_FOUND");
    }),
  );

  test(
    "a box takes deposits while it is open, from its people and from inside",
    onVault(create, async ({ vault, clock }) => {
      const { boxes } = vault;
      const made = await box(vault, { managers: ["cy@example.com"], expiresAt: later(clock.now(), 1) });
      await failure(boxes.openDeposit(made.id, { by: "stranger@acme.example" }), "FORBIDDEN");
      await failure(boxes.openDeposit("bx_gone", { by: "ana@acme.example" }), "NOT_FOUND");
      for (const by of ["ana@acme.example", "cy@example.com"]) await boxes.openDeposit(made.id, { by });
      await boxes.openDeposit(made.id, { by: "robot", inside: true });
      await boxes.updateBox(made.id, { enabled: false });
      const closed = await failure(boxes.openDeposit(made.id, { by: "ana@acme.example" }), "CONFLICT");
      expect(closed.details).toMatchObject({ status: "closed" });
      await boxes.updateBox(made.id, { enabled: true });
      clock.pass({ minutes: 24 * 60 });
      const expired = await failure(boxes.openDeposit(made.id, { by: "ana@acme.example" }), "CONFLICT");
      expect(expired.details).toMatchObject({ status: "expired" });
      expect((await boxes.readBox(made.id)).status).toBe("expired");
    }),
  );

  test(
    "a deposit is submitted once: a receipt, a notice, an event; recipients see their own",
    onVault(create, async ({ vault, start }) => {
      const { boxes } = vault;
      const made = await box(vault, {
        recipients: ["ana@acme.example", "bo@acme.example"],
        managers: ["cy@example.com"],
      });
      const empty = await boxes.openDeposit(made.id, { by: "bo@acme.example", note: "soon" });
      await failure(boxes.submitDeposit(empty.id), "CONFLICT");
      const done = await deposit(vault, made, { "a.txt": "hello", "A.txt": "again" });
      expect(done).toMatchObject({ boxId: made.id, by: "ana@acme.example" });
      expect(done.files).toMatchObject([
        { name: "a.txt", state: "ready", size: 5, type: { extension: "txt" } },
        { name: "A (2).txt", size: 5 },
      ]);
      expect(done.files[0]?.sha256).toBe("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
      expect(await boxes.submitDeposit(done.id)).toEqual(done);
      await failure(boxes.files.create({ depositId: done.id, name: "late" }), "CONFLICT");
      expect(await boxes.readBox(made.id)).toMatchObject({ depositCount: 1, bytes: 10 });
      expect(await collect(boxes.listDeposits(made.id, { by: "ana@acme.example" }))).toEqual([done]);
      expect((await collect(boxes.listDeposits(made.id))).map(({ id }) => id)).toEqual([empty.id, done.id]);
      if (vault instanceof RecordVault) {
        const mails = (await mailOf(vault)).filter(({ about }) => about.includes(done.id));
        expect(mails).toMatchObject([
          { to: "ana@acme.example", template: "deposit-receipt" },
          { to: "cy@example.com", template: "deposit-received", parameters: { by: "ana@acme.example" } },
        ]);
        expect(mails[0]?.parameters["files"]).toEqual(done.files.map(({ name, size, sha256 }) => [name, size, sha256]));
      }
      await boxes.deleteDeposit(done.id);
      await boxes.deleteDeposit(done.id);
      await failure(boxes.readDeposit(done.id), "NOT_FOUND");
      await failure(boxes.files.readFile(done.files[0]?.id ?? ""), "NOT_FOUND");
      if (keepsLog(vault)) {
        const events = await collect(vault.listEvents({ after: start, credentialId: made.id }));
        expect(events.map(({ action }) => action)).toEqual([
          "box.created",
          "file.finished",
          "file.finished",
          "deposit.submitted",
          "deposit.deleted",
        ]);
      }
    }),
  );

  test(
    "tidying archives, keeps as long as was said, and gives up uploads that nobody goes on with",
    onVault(create, async ({ vault, clock }) => {
      const { boxes } = vault;
      const made = await box(vault, { keepDays: 10, archivesAt: later(clock.now(), 9) });
      const done = await deposit(vault, made, { "a.txt": "hello" });
      const open = await boxes.openDeposit(made.id, { by: "ana@acme.example" });
      const stale = await boxes.files.create({ depositId: open.id, name: "stale" });
      expect(await boxes.tidy()).toEqual({
        archivedBoxes: [],
        deletedDeposits: [],
        abortedFiles: [],
        archivedTransfers: [],
      });
      clock.pass({ minutes: 9 * 24 * 60 });
      expect(await boxes.findBox(null, "acme")).toBeUndefined();
      expect((await boxes.readBox(made.id)).status).toBe("archived");
      expect(await box(vault)).toMatchObject({ status: "open" }); // the name is free
      expect(await boxes.tidy()).toMatchObject({ deletedDeposits: [], abortedFiles: [stale.id] });
      clock.pass({ minutes: 24 * 60 });
      expect(await boxes.tidy()).toMatchObject({ deletedDeposits: [done.id] });
      await failure(boxes.readDeposit(done.id), "NOT_FOUND");
      expect(await boxes.tidy()).toEqual({
        archivedBoxes: [],
        deletedDeposits: [],
        abortedFiles: [],
        archivedTransfers: [],
      });
    }),
  );
}
