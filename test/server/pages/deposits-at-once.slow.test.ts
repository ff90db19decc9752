import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import { systemClock } from "../../../provider/core/clock.js";
import { createEmbeddedVault } from "../../../provider/vault/embedded/create.js";
import { type EmbeddedVault, openEmbeddedVault } from "../../../provider/vault/embedded/embedded-vault.js";
import { newKeyText, writeKeyFile } from "../../../provider/vault/embedded/key-file.js";
import { contentHash, mailArguments, PageUpload, signInByMail } from "../../../tools/served/page-upload.ts";
import { ServedVault } from "../../../tools/served/served-vault.ts";
import { MailServer } from "../../fixtures/mail-server.js";

jest.setTimeout(300_000);

const PEOPLE = Array.from({ length: 200 }, (_, number) => `person-${number}@example.com`);
const LARGE_BYTES = 96 * 1024 * 1024 + 12_345;
/** How much was handed to the connection when the server is killed, each time. */
const KILLED_AT = [20, 50, 80].map((mib) => mib * 1024 * 1024);

let folder: string;
let vault: EmbeddedVault;
let mail: MailServer;
let server: ServedVault;
let boxId: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-deposits-"));
  const [path, keyFile, keyText] = [join(folder, "prod.db"), join(folder, "key"), newKeyText()];
  writeKeyFile(keyFile, keyText);
  const options = { path, key: { keyText }, actor: "a test", clock: systemClock };
  await createEmbeddedVault({ ...options, name: "prod" });
  vault = openEmbeddedVault(options);
  ({ id: boxId } = await vault.boxes.createBox({ name: "March", categoryId: null, recipients: PEOPLE }));
  mail = await MailServer.start();
  server = await ServedVault.start({ path, keyFile }, { args: ["--no-access-log", ...mailArguments(mail)] });
});
afterEach(async () => {
  await server.stop();
  await mail.close();
  await vault.close();
  await rm(folder, { recursive: true });
});

const signIn = (address: string) => signInByMail(server.origin, { boxId, address, mail });
const contentOf = (address: string) => `the statement of ${address}`;

test("200 deposits at once all arrive, each with its receipt", async () => {
  const people = await Promise.all(PEOPLE.map(async (address) => ({ address, browser: await signIn(address) })));
  const receipts = await Promise.all(
    people.map(async ({ address, browser }) => {
      const { status } = await browser.upload(`/boxes/${boxId}/files`, { "statement.txt": contentOf(address) });
      expect(status).toBe(200);
      return browser.post(`/boxes/${boxId}/submit`);
    }),
  );
  const hashes = PEOPLE.map((address) => createHash("sha256").update(contentOf(address)).digest("hex"));
  for (const [index, { text }] of receipts.entries()) expect(text).toContain(hashes[index]);
  const deposits = await collect(vault.boxes.listDeposits(boxId));
  const arrived = deposits.map(({ by, submittedAt, files }) => [
    by,
    typeof submittedAt,
    files.map(({ sha256 }) => sha256),
  ]);
  const expected = PEOPLE.map((address, index) => [address, "string", [hashes[index]]]);
  expect(new Map(arrived.map((each) => [each[0], each]))).toEqual(new Map(expected.map((each) => [each[0], each])));
  expect(arrived).toHaveLength(PEOPLE.length);
});

test("a server that is killed three times during an upload goes on where it had acknowledged", async () => {
  const [address = ""] = PEOPLE;
  const browser = await signIn(address);
  const upload = await PageUpload.begin(server.origin, { browser, boxId, name: "large.bin", size: LARGE_BYTES });
  for (const killedAt of KILLED_AT) {
    const offset = await upload.offset();
    const killed = Promise.withResolvers<void>();
    const sending = upload.send(offset, { sent: (at) => at >= killedAt && killed.resolve() }).catch(() => undefined);
    await killed.promise;
    const { received } = await vault.boxes.files.readFile(upload.id);
    await server.kill();
    await sending;
    await server.restart();
    expect(await upload.offset()).toBeGreaterThanOrEqual(received);
    expect(await upload.offset()).toBeLessThan(LARGE_BYTES);
  }
  expect(await upload.offset()).toBeGreaterThan(0);
  await upload.send(await upload.offset());
  expect(await vault.boxes.files.readFile(upload.id)).toMatchObject({
    state: "ready",
    size: LARGE_BYTES,
    sha256: contentHash(LARGE_BYTES),
  });
  expect((await browser.post(`/boxes/${boxId}/submit`)).text).toContain(contentHash(LARGE_BYTES));
});
