import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { Secret } from "../../../provider/core/secret.js";
import type { NewTransfer, Owner, Transfer, TransferInput, Vault } from "../../../provider/vault/port.js";
import { RecordVault } from "../../../provider/vault/records/record-vault.js";
import { contentOf, pieces } from "./boxes.js";
import { collect, type CreateVault, failure, keepsLog, onVault } from "./setup.js";

const DAY_MS = 86_400_000;
const owner: Owner = { key: "shop/prod/Transfer/report", stack: "acme/shop/prod", token: "token-of-shop" };
const foreign = { token: "token-of-another" };
// A recipient of age's own, whose key nobody needs here.
const RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

function inDays(now: Date, days: number): string {
  return new Date(now.getTime() + days * DAY_MS).toISOString();
}

function begin(vault: Vault, now: Date, input: Partial<TransferInput> = {}): Promise<NewTransfer> {
  return vault.boxes.transfers.create({ categoryId: null, from: "Ana", expiresAt: inDays(now, 7), ...input });
}

async function put(vault: Vault, transferId: string, name: string, content: string | Uint8Array): Promise<string> {
  const { id } = await vault.boxes.files.create({ depositId: transferId, name });
  await vault.boxes.files.append(id, 0, pieces(content));
  await vault.boxes.files.finish(id);
  return id;
}

/** A transfer with one file, sent. */
async function sent(
  vault: Vault,
  now: Date,
  input: Partial<TransferInput> = {},
): Promise<{ transfer: Transfer; link: Secret; fileId: string }> {
  const { transfer, link } = await begin(vault, now, input);
  const fileId = await put(vault, transfer.id, "report.txt", "figures");
  return { transfer: await vault.boxes.transfers.send(transfer.id), link, fileId };
}

/** What the links open, where this process has the rows. */
function linksOf(vault: Vault) {
  return vault instanceof RecordVault ? vault.links : undefined;
}

async function download(vault: Vault, link: Secret, fileId: string): Promise<string> {
  const found = await linksOf(vault)?.download(link, fileId, "192.0.2.7");
  return found ? Buffer.concat(await collect(found.content)).toString() : "";
}

export function transferCases(create: CreateVault): void {
  test(
    "a transfer is made, filled and sent, and whom it is for are told of its link in the same write",
    onVault(create, async ({ vault, clock, start }) => {
      const { transfers } = vault.boxes;
      const top = await vault.createCategory({ name: "Clients", parentId: null });
      const content = randomBytes(100_000);
      const { transfer: draft, link } = await begin(vault, clock.now(), {
        categoryId: top.id,
        to: ["bo@ACME.example", "bo@acme.example", "BO@acme.example"],
        message: "The figures\nof March",
        maxDownloads: 2,
        encryptedFor: RECIPIENT,
      });
      expect(draft).toEqual({
        id: expect.stringMatching(/^tr_[A-Za-z0-9]{22}$/),
        categoryId: top.id,
        from: "Ana",
        to: ["bo@acme.example"],
        message: "The figures\nof March",
        expiresAt: inDays(clock.now(), 7),
        maxDownloads: 2,
        encryptedFor: RECIPIENT,
        hasPassword: false,
        owned: false,
        createdAt: clock.now().toISOString(),
        status: "draft",
        files: [],
        downloadCount: 0,
      });
      expect(link.reveal()).toMatch(new RegExp(`^${draft.id}\\.[A-Za-z0-9_-]{43}$`));
      const fileId = await put(vault, draft.id, "../March.bin", content);
      const unfinished = await vault.boxes.files.create({ depositId: draft.id, name: "half.bin" });
      const done = await transfers.send(draft.id, link);
      expect(done).toMatchObject({ status: "open", sentAt: clock.now().toISOString() });
      expect(done.files).toEqual([
        {
          id: fileId,
          name: "March.bin",
          size: content.length,
          sha256: createHash("sha256").update(content).digest("hex"),
          downloads: 0,
        },
      ]);
      await failure(vault.boxes.files.readFile(unfinished.id), "NOT_FOUND");
      expect(await transfers.send(draft.id, link)).toEqual(done);
      expect(await transfers.read(draft.id)).toEqual(done);
      expect(await collect(transfers.list())).toEqual([done]);
      expect((await contentOf(vault, fileId)).equals(content)).toBe(true);
      await failure(vault.deleteCategory(top.id, {}), "CONFLICT");
      if (vault instanceof RecordVault) {
        expect(await collect(vault.outbox.list())).toMatchObject([
          {
            to: "bo@acme.example",
            template: "transfer-sent",
            about: [draft.id],
            notAfter: done.expiresAt,
            parameters: { link: link.reveal(), from: "Ana", password: false, maxDownloads: 2 },
          },
        ]);
      }
      if (keepsLog(vault)) {
        const events = await collect(vault.listEvents({ after: start, credentialId: draft.id }));
        expect(events.map(({ action }) => action)).toEqual([
          "transfer.created",
          "file.finished",
          "transfer.sent",
          "file.downloaded",
        ]);
        expect(JSON.stringify(events)).not.toContain(link.reveal().split(".")[1]);
      }
    }),
  );

  test(
    "what can't be is refused, and nothing is sent without a file that is whole",
    onVault(create, async ({ vault, clock }) => {
      const { transfers } = vault.boxes;
      const now = clock.now();
      const refused: [string, Partial<TransferInput>][] = [
        ["to", { to: ["bo@acme.example, cy@acme.example"] }],
        ["from", { from: " " }],
        ["from", { from: "Ana\r\nBcc: all@acme.example" }],
        ["message", { message: "x".repeat(4_001) }],
        ["expiresAt", { expiresAt: inDays(now, 367) }],
        ["expiresAt", { expiresAt: now.toISOString() }],
        ["expiresAt", { expiresAt: "2031-02-30" }],
        ["maxDownloads", { maxDownloads: 0 }],
        ["maxDownloads", { maxDownloads: 1.5 }],
        ["encryptedFor", { encryptedFor: "age1short" }],
        ["encryptedFor", { encryptedFor: `AGE-SECRET-KEY-1${"Q".repeat(58)}` }],
        ["password", { password: new Secret("short") }],
        ["password", { password: new Secret("x".repeat(1_025)) }],
      ];
      for (const [field, input] of refused) {
        expect((await failure(begin(vault, now, input), "INVALID_INPUT")).details).toMatchObject({ field });
      }
      await failure(begin(vault, now, { categoryId: "ct_gone" }), "NOT_FOUND");
      const { transfer, link } = await begin(vault, now);
      await failure(transfers.send(transfer.id, link), "CONFLICT");
      await failure(transfers.send(transfer.id, new Secret(`${transfer.id}.${"A".repeat(43)}`)), "FORBIDDEN");
      await failure(transfers.read("tr_0000000000000000000000"), "NOT_FOUND");
      const done = await sent(vault, now);
      await failure(vault.boxes.files.create({ depositId: done.transfer.id, name: "late.txt" }), "CONFLICT");
      await failure(vault.boxes.files.append(done.fileId, 7, pieces("more")), "CONFLICT");
    }),
  );

  test(
    "an update changes what is given, tells only who is new, and takes a stack's token",
    onVault(create, async ({ vault, clock }) => {
      const { transfers } = vault.boxes;
      const { transfer, link } = await sent(vault, clock.now(), { to: ["bo@acme.example"], owner });
      expect(await transfers.findOwned(owner.key)).toBe(transfer.id);
      await failure(transfers.update(transfer.id, { ...foreign, to: [] }), "CONFLICT");
      const expiresAt = inDays(clock.now(), 20);
      const changed = await transfers.update(
        transfer.id,
        { token: owner.token, to: ["Bo@acme.example", "cy@acme.example"], expiresAt, maxDownloads: 3 },
        link,
      );
      expect(changed).toMatchObject({ to: ["Bo@acme.example", "cy@acme.example"], expiresAt, maxDownloads: 3 });
      expect((await transfers.update(transfer.id, { maxDownloads: null })).maxDownloads).toBeUndefined();
      if (vault instanceof RecordVault) {
        expect((await collect(vault.outbox.list())).map(({ to }) => to)).toEqual(["cy@acme.example"]);
      }
      await failure(transfers.archive(transfer.id, foreign), "CONFLICT");
      await transfers.archive(transfer.id, { token: owner.token });
      await transfers.archive(transfer.id, {});
      expect(await transfers.findOwned(owner.key)).toBeUndefined();
      await failure(transfers.update(transfer.id, { to: [] }), "CONFLICT");
    }),
  );

  test(
    "one that was archived keeps what its files were, and not what was in them",
    onVault(create, async ({ vault, clock }) => {
      const { transfers } = vault.boxes;
      const { transfer, fileId } = await sent(vault, clock.now());
      await transfers.archive(transfer.id, {});
      expect(await transfers.read(transfer.id)).toEqual({
        ...transfer,
        status: "archived",
        archivedAt: clock.now().toISOString(),
      });
      expect(await collect(transfers.list())).toEqual([]);
      expect((await collect(transfers.list({ archived: true }))).map(({ id }) => id)).toEqual([transfer.id]);
      await failure(contentOf(vault, fileId), "NOT_FOUND");
      await transfers.archive("tr_0000000000000000000000", {});
    }),
  );

  test(
    "what has expired, and a draft that nobody sent for a week, is archived by tidying up, and nothing else",
    onVault(create, async ({ vault, clock }) => {
      const short = await sent(vault, clock.now(), { expiresAt: inDays(clock.now(), 1) });
      const long = await sent(vault, clock.now(), { expiresAt: inDays(clock.now(), 30) });
      const { transfer: draft } = await begin(vault, clock.now(), { expiresAt: inDays(clock.now(), 30) });
      expect((await vault.boxes.tidy()).archivedTransfers).toEqual([]);
      clock.pass({ minutes: 24 * 60 });
      expect((await vault.boxes.transfers.read(short.transfer.id)).status).toBe("expired");
      expect((await vault.boxes.tidy()).archivedTransfers).toEqual([short.transfer.id]);
      await failure(contentOf(vault, short.fileId), "NOT_FOUND");
      clock.pass({ minutes: 6 * 24 * 60 });
      expect((await vault.boxes.tidy()).archivedTransfers).toEqual([draft.id]);
      expect((await vault.boxes.transfers.read(long.transfer.id)).status).toBe("open");
    }),
  );
}

/** What whoever has a link may do: of a vault whose rows this process has. */
export function linkCases(create: CreateVault): void {
  test(
    "only the whole link of a transfer that was sent opens it",
    onVault(create, async ({ vault, clock }) => {
      const links = linksOf(vault);
      if (!links) throw new Error("no links");
      const { transfer, link } = await begin(vault, clock.now());
      await failure(links.open(link), "NOT_FOUND");
      await put(vault, transfer.id, "report.txt", "figures");
      const done = await vault.boxes.transfers.send(transfer.id);
      expect(await links.open(link)).toEqual(done);
      const text = link.reveal();
      const other = text.endsWith("A") ? "B" : "A";
      for (const wrong of [text.slice(0, -1), text.slice(0, -1) + other, transfer.id, `${transfer.id}.`, "", "."]) {
        await failure(links.open(new Secret(wrong)), "NOT_FOUND");
        await failure(links.download(new Secret(wrong), "fi_x", "192.0.2.7"), "NOT_FOUND");
      }
    }),
  );

  test(
    "a file is downloaded as often as was allowed; one that is cut doesn't count, ten times",
    onVault(create, async ({ vault, clock }) => {
      const { link, fileId, transfer } = await sent(vault, clock.now(), { maxDownloads: 2 });
      const links = linksOf(vault);
      const cutOnce = async (): Promise<void> => {
        const { content } = (await links?.download(link, fileId, "192.0.2.7")) ?? { content: [] };
        for await (const part of content) if (part.length > 0) break;
      };
      expect(await download(vault, link, fileId)).toBe("figures");
      for (let times = 0; times < 10; times++) await cutOnce();
      expect((await vault.boxes.transfers.read(transfer.id)).downloadCount).toBe(1);
      await cutOnce();
      expect(await vault.boxes.transfers.read(transfer.id)).toMatchObject({ downloadCount: 2, status: "used" });
      expect((await failure(download(vault, link, fileId), "CONFLICT")).details).toMatchObject({ status: "used" });
      expect((await vault.boxes.tidy()).archivedTransfers).toEqual([transfer.id]);
    }),
  );

  test(
    "downloads that begin at once never exceed what was allowed",
    onVault(create, async ({ vault, clock }) => {
      const { link, fileId } = await sent(vault, clock.now(), { maxDownloads: 3 });
      const ends = await Promise.allSettled(Array.from({ length: 12 }, () => download(vault, link, fileId)));
      expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    }),
  );

  test(
    "a wrong password is counted before it is compared, the tenth locks, and another one opens",
    onVault(create, async ({ vault, clock }) => {
      const links = linksOf(vault);
      if (!links) throw new Error("no links");
      const password = new Secret("correct horse battery");
      const { link, fileId, transfer } = await sent(vault, clock.now(), { password });
      expect(transfer.hasPassword).toBe(true);
      expect(JSON.stringify(transfer)).not.toContain("correct");
      const error = await failure(links.unlock(link, new Secret("wrong one, sorry")), "FORBIDDEN");
      expect(error.details).toMatchObject({ left: 9 });
      await links.unlock(link, password); // ends the row of wrong ones
      await links.unlock(link, new Secret("correct horse battery".normalize("NFD")));
      const tries = Array.from({ length: 11 }, (_, index) => links.unlock(link, new Secret(`wrong number ${index}`)));
      const ends = await Promise.all(tries.map((trying) => trying.then(String, ({ code }) => String(code))));
      expect(ends.filter((code) => code === "FORBIDDEN")).toHaveLength(10);
      expect(ends.filter((code) => code === "LOCKED")).toHaveLength(1);
      await failure(links.unlock(link, password), "LOCKED");
      await failure(download(vault, link, fileId), "LOCKED");
      const other = new Secret("another one, longer");
      await vault.boxes.transfers.update(transfer.id, { password: other });
      await links.unlock(link, other);
      expect(await download(vault, link, fileId)).toBe("figures");
    }),
  );

  test(
    "once it has expired or ended, the link shows that and gives nothing",
    onVault(create, async ({ vault, clock }) => {
      const { link, fileId, transfer } = await sent(vault, clock.now());
      clock.pass({ minutes: 7 * 24 * 60 });
      expect((await failure(download(vault, link, fileId), "CONFLICT")).details).toMatchObject({ status: "expired" });
      await vault.boxes.transfers.archive(transfer.id, {});
      expect((await linksOf(vault)?.open(link))?.status).toBe("archived");
      expect((await failure(download(vault, link, fileId), "CONFLICT")).details).toMatchObject({ status: "archived" });
    }),
  );
}
