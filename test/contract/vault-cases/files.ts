import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import type { DropBoxInput, StoredFile, Vault } from "../../../provider/vault/port.js";
import { RecordVault } from "../../../provider/vault/records/record-vault.js";
import { box, contentOf, pieces } from "./boxes.js";
import { collect, type CreateVault, failure, keepsLog, onVault } from "./setup.js";

const CHUNK = 64 * 1024;

async function upload(vault: Vault, input: Partial<DropBoxInput> = {}, size?: number): Promise<StoredFile> {
  const { id } = await box(vault, input);
  const { id: depositId } = await vault.boxes.openDeposit(id, { by: "ana@acme.example" });
  return vault.boxes.files.create({ depositId, name: "data.bin", ...(size === undefined ? {} : { size }) });
}

/** A source that fails behind these pieces, as a connection that is cut. */
async function* cut(...parts: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
  throw new Error("the connection was cut");
}

export function fileCases(create: CreateVault): void {
  test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 17 * CHUNK + 5])(
    "a file of %i bytes comes back as it was sent, whatever its pieces",
    (size) =>
      onVault(create, async ({ vault }) => {
        const { files } = vault.boxes;
        const content = randomBytes(size);
        const { id } = await upload(vault, {}, size);
        let offset = 0;
        for (const length of [7, CHUNK - 7, 100, 2 * CHUNK, Infinity]) {
          const part = content.subarray(offset, offset + length);
          const file = await files.append(id, offset, pieces(part.subarray(0, 5), part.subarray(5)));
          offset += part.length;
          expect(file).toMatchObject({ state: "uploading", received: offset });
        }
        const done = await files.finish(id);
        expect(done).toMatchObject({
          state: "ready",
          size,
          sha256: createHash("sha256").update(content).digest("hex"),
        });
        expect(await files.finish(id)).toEqual(done);
        expect((await contentOf(vault, id)).equals(content)).toBe(true);
      })(),
  );

  test(
    "all files together have a quota, for whoever acts through the process that has it",
    onVault(create, async ({ vault }) => {
      if (!(vault instanceof RecordVault)) return; // a server's own matter
      const { files } = vault.boxes;
      vault.ruleFiles({ quota: 1_000 });
      const first = await upload(vault, { name: "first" }, 600);
      const full = await failure(upload(vault, { name: "second" }, 401), "DISK_FULL");
      expect(full.details).toEqual({ quota: 1_000 });
      const acting = vault.actingAs("ana", "runner-1", () => true);
      await failure(upload(acting, { name: "third" }, 401), "DISK_FULL");
      const open = await upload(acting, { name: "fourth" });
      await failure(files.append(open.id, 0, pieces(randomBytes(401))), "DISK_FULL");
      expect((await files.readFile(open.id)).received).toBe(0);
      await files.append(open.id, 0, pieces(randomBytes(300)));
      await failure(files.append(open.id, 300, pieces(randomBytes(101))), "DISK_FULL");
      await files.abort(first.id);
      await files.append(open.id, 300, pieces(randomBytes(700)));
      await files.finish(open.id);
      await failure(upload(vault, { name: "fifth" }, 1), "DISK_FULL");
      await files.deleteFile(open.id);
      await upload(vault, { name: "sixth" }, 1_000);
    }),
  );

  test(
    "an upload that is cut goes on where it was acknowledged, in another process too",
    onVault(create, async ({ vault, elsewhere }) => {
      const content = randomBytes(3 * CHUNK + 99);
      const { id } = await upload(vault);
      await expect(vault.boxes.files.append(id, 0, cut(content.subarray(0, 70_000)))).rejects.toThrow(/cut/);
      const other = (await elsewhere()).boxes.files;
      const { received } = await other.readFile(id);
      expect(received).toBe(70_000);
      await other.append(id, received, pieces(content.subarray(received)));
      await other.finish(id);
      expect((await contentOf(vault, id)).equals(content)).toBe(true);
    }),
  );

  test(
    "bytes that come twice, out of order or beyond the declared size are refused, and what came before stays",
    onVault(create, async ({ vault }) => {
      const { files } = vault.boxes;
      const { id } = await upload(vault, {}, 10);
      await files.append(id, 0, pieces("01234"));
      for (const offset of [0, 4, 6]) {
        const error = await failure(files.append(id, offset, pieces("x")), "CONFLICT");
        expect(error.details).toMatchObject({ received: 5 });
      }
      expect((await failure(files.finish(id), "CONFLICT")).details).toMatchObject({ received: 5 });
      await failure(files.append(id, 5, pieces("567", "89x")), "INVALID_INPUT");
      // What came whole before the piece that is too much; a server gets all of it as one piece.
      const { received } = await files.readFile(id);
      expect(received).toBe(vault instanceof RecordVault ? 8 : 5);
      await files.append(id, received, pieces("0123456789".slice(received)));
      await failure(files.append(id, 10, pieces("x")), "INVALID_INPUT");
      await files.finish(id);
      expect((await contentOf(vault, id)).toString()).toBe("0123456789");
      await failure(files.append(id, 10, pieces("x")), "CONFLICT");
      await failure(files.abort(id), "CONFLICT");
      await failure(files.append("fi_gone", 0, pieces("x")), "NOT_FOUND");
    }),
  );

  test(
    "two that send at once: the second is refused until the first has ended",
    onVault(create, async ({ vault }) => {
      if (!(vault instanceof RecordVault)) return; // what is sent to a server is sent piece by piece
      const { files } = vault.boxes;
      const { id } = await upload(vault);
      let go = (): void => undefined;
      const held = new Promise<void>((resolve) => (go = resolve));
      async function* slow(): AsyncIterable<Uint8Array> {
        yield Buffer.from("first");
        await held;
      }
      const first = files.append(id, 0, slow());
      await failure(files.append(id, 0, pieces("second")), "LOCKED");
      await failure(files.finish(id), "LOCKED");
      go();
      expect((await first).received).toBe(5);
    }),
  );

  test(
    "a box's limits hold for what is declared and for what comes",
    onVault(create, async ({ vault }) => {
      const { files } = vault.boxes;
      const first = await upload(vault, { maxFileBytes: 10, maxBytes: 15 });
      const again = (size: number) => files.create({ depositId: first.depositId, name: "b", size });
      await failure(again(11), "INVALID_INPUT");
      await failure(again(-1), "INVALID_INPUT");
      await failure(files.append(first.id, 0, pieces("0123456789", "x")), "INVALID_INPUT");
      const { received } = await files.readFile(first.id);
      await files.append(first.id, received, pieces("0123456789".slice(received)));
      await again(5);
      await failure(again(1), "INVALID_INPUT");
    }),
  );

  test(
    "a box that is closed or expires while somebody uploads takes nothing more; what was acknowledged stays",
    onVault(create, async ({ vault, elsewhere }) => {
      const { files } = vault.boxes;
      const file = await upload(vault);
      await files.append(file.id, 0, pieces("before"));
      const other = (await elsewhere()).boxes;
      async function* closing(): AsyncIterable<Uint8Array> {
        yield Buffer.from("mid");
        await other.updateBox(file.boxId, { enabled: false });
      }
      const error = await failure(files.append(file.id, 6, closing()), "CONFLICT");
      expect(error.details).toMatchObject({ status: "closed" });
      expect((await files.readFile(file.id)).received).toBe(6);
      await failure(files.append(file.id, 6, pieces("after")), "CONFLICT");
      await failure(files.finish(file.id), "CONFLICT");
      await other.updateBox(file.boxId, { enabled: true });
      await files.append(file.id, 6, pieces(" and after"));
      await files.finish(file.id);
      expect((await contentOf(vault, file.id)).toString()).toBe("before and after");
    }),
  );

  test(
    "a box takes what its files are, not what they are called",
    onVault(create, async ({ vault }) => {
      const { files } = vault.boxes;
      const pdf = Buffer.from("%PDF-1.7\n1 0 obj\n");
      const { depositId } = await upload(vault, { fileTypes: ["pdf"] });
      const send = async (name: string, content: string | Uint8Array) => {
        const { id } = await files.create({ depositId, name });
        await files.append(id, 0, pieces(content));
        return files.finish(id);
      };
      expect(await send("really.exe", pdf)).toMatchObject({
        name: "really.exe",
        type: { extension: "pdf", mime: "application/pdf" },
      });
      const error = await failure(send("not.pdf", "just a text"), "INVALID_INPUT");
      expect(error.message).toContain("txt");
      await failure(files.readFile(String(error.details["fileId"])), "NOT_FOUND");
      await failure(send("not.pdf", randomBytes(100)), "INVALID_INPUT");
      await failure(send("not.pdf", ""), "INVALID_INPUT");
    }),
  );

  test(
    "a file in quarantine is read by nobody but the scanner, and is let out or deleted by what it says",
    onVault(create, async ({ vault, start }) => {
      const { files } = vault.boxes;
      const first = await upload(vault);
      const second = await files.create({ depositId: first.depositId, name: "b" });
      for (const { id } of [first, second]) {
        await files.append(id, 0, pieces("content"));
        expect(await files.finish(id, { quarantine: true })).toMatchObject({ state: "quarantine" });
        expect((await failure(files.read(id), "CONFLICT")).details).toMatchObject({ state: "quarantine" });
        const { content } = await files.read(id, "scanner");
        expect(Buffer.concat(await collect(content)).toString()).toBe("content");
      }
      expect(await files.judge(first.id, { clean: true })).toMatchObject({ state: "ready" });
      expect((await contentOf(vault, first.id)).toString()).toBe("content");
      expect(await files.judge(second.id, { clean: false, reason: "Eicar" })).toMatchObject({
        state: "refused",
        reason: "Eicar",
      });
      await failure(files.judge(second.id, { clean: true }), "CONFLICT");
      await failure(files.read(second.id, "scanner"), "CONFLICT");
      if (keepsLog(vault)) {
        const events = await collect(vault.listEvents({ after: start }));
        expect(events.filter(({ ids }) => ids.includes(second.id)).map(({ action }) => action)).toEqual([
          "file.finished",
          "file.refused",
        ]);
      }
    }),
  );

  test(
    "who deposited a file that a scanner refuses is told once, and managers if it was handed in",
    onVault(create, async ({ vault }) => {
      if (!(vault instanceof RecordVault)) return;
      const { boxes, outbox } = vault;
      const first = await upload(vault, { managers: ["cy@example.com"] });
      const second = await boxes.files.create({ depositId: first.depositId, name: "b" });
      for (const { id } of [first, second]) await boxes.files.finish(id, { quarantine: true });
      const refuse = (id: string) => boxes.files.judge(id, { clean: false, reason: "Eicar" });
      const told = async () => {
        const mails = (await collect(outbox.list())).filter(({ template }) => template === "file-refused");
        return mails.map(({ to, parameters: { name, reason, manager } }) => ({ to, name, reason, manager }));
      };
      await refuse(first.id);
      const toAna = { to: "ana@acme.example", reason: "Eicar", manager: false };
      expect(await told()).toEqual([{ ...toAna, name: "data.bin" }]);
      await boxes.submitDeposit(first.depositId);
      await refuse(second.id);
      await failure(refuse(second.id), "CONFLICT");
      expect(await told()).toEqual([
        { ...toAna, name: "data.bin" },
        { ...toAna, name: "b" },
        { to: "cy@example.com", name: "b", reason: "Eicar", manager: true },
      ]);
    }),
  );

  test(
    "a download is in the log before its first byte, with who it was, and managers who want to know are told",
    onVault(create, async ({ vault }) => {
      const { files } = vault.boxes;
      const file = await upload(vault, { managers: ["cy@example.com", "dee@example.com"], downloadNotice: true });
      await failure(files.read(file.id), "CONFLICT");
      await files.append(file.id, 0, pieces("content"));
      await files.finish(file.id);
      const { head } = await vault.identity();
      const { content } = await files.read(file.id, { by: "cy@example.com" });
      if (keepsLog(vault)) {
        expect(await collect(vault.listEvents({ after: head }))).toMatchObject([
          {
            action: "file.downloaded",
            detail: "data.bin, by cy@example.com",
            ids: [file.id, file.depositId, file.boxId],
          },
        ]);
      }
      expect(Buffer.concat(await collect(content)).toString()).toBe("content");
      if (vault instanceof RecordVault) {
        const mails = (await collect(vault.outbox.list())).filter(({ template }) => template === "file-downloaded");
        expect(mails.map(({ to }) => to)).toEqual(["dee@example.com"]);
      }
      await files.deleteFile(file.id);
      await files.deleteFile(file.id);
      await failure(files.read(file.id), "NOT_FOUND");
    }),
  );

  test(
    "names are made safe, and kept as they were sent",
    onVault(create, async ({ vault }) => {
      const { depositId } = await upload(vault);
      const names = [
        "../../etc/passwd",
        "C:\\temp\\report.pdf",
        "in\u202evoice.fdp\u0000.exe",
        "x".repeat(300) + ".xlsx",
        "",
      ];
      const made: StoredFile[] = [];
      for (const name of names) made.push(await vault.boxes.files.create({ depositId, name }));
      expect(made.map(({ name }) => name)).toEqual([
        "passwd",
        "report.pdf",
        "invoice.fdp.exe",
        "x".repeat(195) + ".xlsx",
        "file",
      ]);
      expect(made.map(({ givenName }) => givenName)).toEqual(names);
    }),
  );
}
