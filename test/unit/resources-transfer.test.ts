import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Decrypter } from "age-encryption";
import { Secret } from "../../provider/core/secret.js";
import { transferHandlers as handlers } from "../../provider/resources/transfer/handlers.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import type { Vault } from "../../provider/vault/port.js";
import { RecordVault } from "../../provider/vault/records/record-vault.js";
import { collect, failure } from "../contract/vault-cases/setup.js";
import { type Kept, ResourceScene, type RunOptions, withIdentity, withoutBoxes } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
let vault: RecordVault;
let folder: string;
beforeEach(() => {
  scene = new ResourceScene();
  if (!(scene.vault instanceof RecordVault)) throw new Error("no records");
  vault = scene.vault;
  folder = mkdtempSync(join(tmpdir(), "coffre-transfer-"));
  put("report.pdf", "figures");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  return scene.close();
});

type Inputs = Record<string, unknown>;
const NOTHING = { changes: false };
const BO = "bo@example.com";
const PASSWORD = "correct horse battery";
const PAGES = "https://vault.example.com";
const DAY_MS = 86_400_000;
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function put(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const report = (inputs: Inputs = {}): Inputs => ({
  files: [{ path: join(folder, "report.pdf") }],
  from: "Ana",
  ownerKey: "shop/dev/Transfer/report",
  publicUrl: PAGES,
  ...inputs,
});
const inDays = (days: number): string => new Date(scene.clock.now().getTime() + days * DAY_MS).toISOString();

async function problems(inputs: Inputs, olds: Inputs = {}, options: RunOptions = {}): Promise<string> {
  const { failures } = await handlers.check(scene.resources(options), olds, inputs);
  for (const { property } of failures) expect(property).toBe("");
  return failures.map(({ reason }) => reason).join("\n");
}

async function checked(inputs: Inputs, olds: Inputs = {}, options: RunOptions = {}): Promise<Inputs> {
  const { inputs: found, failures } = await handlers.check(scene.resources(options), olds, inputs);
  if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("\n"));
  return found;
}

/** `pulumi up`, as the engine calls the handlers. */
async function up(inputs: Inputs, kept?: Kept, options: RunOptions = {}): Promise<Kept> {
  const news = await checked(inputs, kept?.outputs, options);
  const context = scene.resources(options);
  if (!kept) {
    const { id, outs } = await handlers.create(context, news);
    return { id, outputs: outs };
  }
  return { id: kept.id, outputs: (await handlers.update(context, kept.id, kept.outputs, news)).outs };
}

async function diff(inputs: Inputs, kept: Kept, options: RunOptions = {}) {
  const news = await checked(inputs, kept.outputs, options);
  return handlers.diff(scene.resources(options), kept.id, kept.outputs, news);
}

const refresh = (kept: Kept, options: RunOptions = {}) =>
  handlers.read(scene.resources(options), kept.id, kept.outputs);
const destroy = (kept: Kept) => handlers.remove(scene.resources(), kept.id, kept.outputs);
const sent = ({ id }: Kept) => vault.boxes.transfers.read(id);
const at = (other: Vault): RunOptions => ({ rotation: { ...scene.context(), vault: other } });
/** The link in its address, and the key behind that. */
const partsOf = ({ outputs }: Kept) => String(outputs["url"]).split("/").at(-1)?.split("#") ?? [];
const linkOf = (kept: Kept) => new Secret(partsOf(kept)[0] ?? "");
const told = async () => (await collect(vault.outbox.list())).map(({ to }) => to);

async function downloadBytes(kept: Kept): Promise<Buffer> {
  const [file] = (await sent(kept)).files;
  if (!vault.links) throw new Error("no links");
  const { content } = await vault.links.download(linkOf(kept), file?.id ?? "", "192.0.2.7");
  return Buffer.concat(await collect(content));
}

const download = async (kept: Kept) => (await downloadBytes(kept)).toString();

describe("a transfer", () => {
  test("is sent with all that is said of it, opens by its address, and is unchanged after", async () => {
    const category = await vault.createCategory({ name: "Clients", parentId: null });
    const declared = report({
      files: [{ path: join(folder, "report.pdf"), name: "November.pdf" }, { path: put("notes.txt", "notes") }],
      to: [BO, "bo@EXAMPLE.com", "BO@example.com"],
      message: "The figures",
      expiresAt: inDays(3),
      maxDownloads: 2,
      password: PASSWORD,
      categoryId: category.id,
    });
    const made = await up(declared);
    expect(made.outputs).toEqual({
      ...declared,
      files: [
        { path: join(folder, "report.pdf"), name: "November.pdf", size: 7, sha256: sha256("figures") },
        { path: join(folder, "notes.txt"), name: "notes.txt", size: 5, sha256: sha256("notes") },
      ],
      to: [BO],
      url: expect.stringMatching(new RegExp(`^${PAGES}/transfers/${made.id}\\.[\\w-]{43}$`)),
      status: "open",
      downloadCount: 0,
      passwordSetAt: expect.any(String),
      ownerToken: expect.stringMatching(/^[\w-]{20}$/),
      vaultStamp: expect.any(String),
    });
    expect(await sent(made)).toMatchObject({
      from: "Ana",
      message: "The figures",
      expiresAt: inDays(3),
      maxDownloads: 2,
      hasPassword: true,
      owned: true,
      categoryId: category.id,
    });
    await vault.links?.unlock(linkOf(made), new Secret(PASSWORD));
    expect(await download(made)).toBe("figures");
    expect(await told()).toEqual([BO]);
    expect(await diff(declared, made)).toEqual(NOTHING);
    expect(await refresh(made)).toEqual({ id: made.id, props: { ...made.outputs, downloadCount: 1 } });
  });

  test("is encrypted end to end for a key that its address alone has, whatever is changed later", async () => {
    const made = await up(report({ endToEnd: true, to: [BO] }));
    const [, key = ""] = partsOf(made);
    expect(key).toMatch(/^AGE-SECRET-KEY-1\w{58}$/);
    const decrypter = new Decrypter();
    decrypter.addIdentity(key);
    expect(Buffer.from(await decrypter.decrypt(await downloadBytes(made))).toString()).toBe("figures");
    const kept = JSON.stringify([
      await sent(made),
      await collect(vault.outbox.list()),
      await collect(vault.listEvents()),
    ]);
    expect(kept).not.toContain("AGE-SECRET-KEY");
    expect(await diff(report({ endToEnd: true, to: [BO] }), made)).toEqual(NOTHING);
    const after = await up(report({ endToEnd: true, to: [BO, "cy@example.com"] }), made);
    expect(after.outputs["url"]).toBe(made.outputs["url"]);
    expect(await diff(report({ to: [BO] }), made)).toEqual({ changes: true, replaces: ["endToEnd"] });
  });

  test("isn't encrypted by itself, and another content of the same length than was looked at isn't sent", async () => {
    const plain = await up(report());
    expect(await diff(report({ endToEnd: false }), plain)).toEqual(NOTHING);
    const news = await checked(report({ endToEnd: true, ownerKey: "shop/dev/Transfer/other" }));
    put("report.pdf", "FIGURES");
    expect((await failure(handlers.create(scene.resources(), news), "INVALID_INPUT")).problem).toContain("changed");
    expect(await collect(vault.boxes.transfers.list())).toHaveLength(1);
  });

  test("is open for a week by itself, at the address where its vault is", async () => {
    const { publicUrl: _none, ...inputs } = report();
    const made = await up(inputs, undefined, { pagesOrigin: "https://drop.example.com" });
    expect(made.outputs).toMatchObject({ expiresAfterDays: 7, expiresAt: inDays(7) });
    expect(made.outputs["url"]).toMatch(/^https:\/\/drop\.example\.com\/transfers\/tr_/);
    expect(await problems(inputs)).toMatch(/Where people reach `coffre serve` isn't known[\s\S]*publicUrl/);
  });

  test("is changed in place, and tells only who is new, by the same link", async () => {
    const made = await up(report({ to: [BO], message: "old", maxDownloads: 1 }));
    const news = report({ to: [BO, "cy@example.com"], expiresAfterDays: 10, publicUrl: "https://new.example.com" });
    expect(await diff(news, made)).toEqual({ changes: true });
    scene.clock.advance(DAY_MS);
    const after = await up(news, made);
    expect(linkOf(after).reveal()).toBe(linkOf(made).reveal());
    expect(after.outputs["url"]).toMatch(/^https:\/\/new\.example\.com/);
    const { message, maxDownloads, expiresAt, createdAt } = await sent(after);
    expect([message, maxDownloads]).toEqual([undefined, undefined]);
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(10 * DAY_MS);
    expect(await told()).toEqual([BO, "cy@example.com"]);
    expect(await diff(news, after)).toEqual(NOTHING);
  });

  test.each<[string, () => Inputs]>([
    ["another content", () => ({ files: [{ path: put("report.pdf", "other figures") }] })],
    ["another name", () => ({ files: [{ path: join(folder, "report.pdf"), name: "b.pdf" }] })],
    ["one file more", () => ({ files: [{ path: join(folder, "report.pdf") }, { path: put("b.pdf", "b") }] })],
    ["another sender", () => ({ from: "Bo" })],
    ["another category", () => ({ categoryId: "ct_other" })],
  ])("%s is sent anew", async (_what, change) => {
    const made = await up(report());
    const changed = await diff(report(change()), made);
    expect(changed).toEqual({ changes: true, replaces: Object.keys(change()) });
  });

  test("whose file lies elsewhere, or is there no more, stays what it was", async () => {
    const made = await up(report());
    expect(await diff(report({ files: [{ path: put("copy", "figures"), name: "report.pdf" }] }), made)).toEqual(
      NOTHING,
    );
    rmSync(join(folder, "report.pdf"));
    expect(await diff(report(), made)).toEqual(NOTHING);
    expect(await diff(report({ message: "more" }), made)).toEqual({ changes: true });
    expect(await problems(report())).toContain("is no file that can be sent"); // nothing was sent of a new one
    await failure(handlers.create(scene.resources(), made.outputs), "INVALID_INPUT");
  });

  test("has what is declared brought back, and keeps what was left to people", async () => {
    const made = await up(report({ message: "ours" }));
    const { transfers } = vault.boxes;
    await transfers.update(made.id, { maxDownloads: 5 });
    expect(await diff(report({ message: "ours" }), made)).toEqual(NOTHING);
    await transfers.update(made.id, { message: null });
    expect(await diff(report({ message: "ours" }), made)).toEqual({ changes: true });
    expect((await refresh(made)).props).not.toHaveProperty("message");
    await up(report({ message: "ours" }), made);
    expect(await sent(made)).toMatchObject({ message: "ours", maxDownloads: 5 });
  });

  test("is read by its id alone, without a link or a password", async () => {
    const made = await up(report({ to: [BO], password: PASSWORD }));
    expect(await handlers.read(scene.resources(), made.id, {})).toEqual({
      id: made.id,
      props: {
        files: [{ name: "report.pdf", size: 7, sha256: sha256("figures") }],
        from: "Ana",
        to: [BO],
        expiresAt: inDays(7),
        status: "open",
        downloadCount: 0,
      },
    });
  });
});

describe("the password of a transfer", () => {
  test("is drawn once, and another only when it is asked for anew", async () => {
    const made = await up(report({ generatePassword: true }));
    const drawn = String(made.outputs["password"]);
    expect(drawn).toMatch(/^[\w-]{20}$/);
    await vault.links?.unlock(linkOf(made), new Secret(drawn));
    expect(await diff(report({ generatePassword: true }), made)).toEqual(NOTHING);
    const after = await up(report({ generatePassword: true, message: "more" }), made);
    expect(after.outputs["password"]).toBe(drawn);
    const without = await up(report(), after);
    expect(without.outputs).not.toHaveProperty("password");
    expect((await sent(without)).hasPassword).toBe(false);
    expect((await up(report({ generatePassword: true }), without)).outputs["password"]).not.toBe(drawn);
  });

  test("that is another one ends a lock; the same one doesn't", async () => {
    const made = await up(report({ password: PASSWORD }));
    for (let tries = 0; tries < 10; tries++)
      await vault.links?.unlock(linkOf(made), new Secret("wrong one, sorry")).catch(() => undefined);
    expect((await refresh(made)).props).toMatchObject({ status: "locked" });
    expect(await diff(report({ password: PASSWORD }), made)).toEqual(NOTHING);
    expect((await up(report({ password: PASSWORD, message: "m" }), made)).outputs).toMatchObject({ status: "locked" });
    scene.clock.advance(1000);
    const other = await up(report({ password: "another one, longer" }), made);
    expect(other.outputs).toMatchObject({ status: "open", password: "another one, longer" });
  });

  test("that somebody else set is set back", async () => {
    const made = await up(report({ password: PASSWORD }));
    scene.clock.advance(1000);
    await vault.boxes.transfers.update(made.id, { password: new Secret("somebody's own one") });
    expect((await refresh(made)).props).toMatchObject({ password: PASSWORD });
    expect(await diff(report({ password: PASSWORD }), made)).toEqual({ changes: true });
    const after = await up(report({ password: PASSWORD }), made);
    await vault.links?.unlock(linkOf(after), new Secret(PASSWORD));
    expect(await diff(report({ password: PASSWORD }), after)).toEqual(NOTHING);
  });
});

describe("a transfer that has ended", () => {
  test("by its time is no change; a later time sends it anew", async () => {
    const made = await up(report({ expiresAt: inDays(1) }));
    const declared = report({ expiresAt: inDays(1) });
    scene.clock.advance(2 * DAY_MS);
    expect(await diff(declared, made)).toEqual(NOTHING);
    expect((await refresh(made)).props).toMatchObject({ status: "expired" });
    await vault.boxes.tidy();
    expect(await diff(declared, made)).toEqual(NOTHING);
    expect((await refresh(made)).props).toMatchObject({ status: "archived" });
    await expect(diff({ ...declared, message: "more" }, made)).rejects.toThrow(
      /time of this transfer is over[\s\S]*later/,
    );
    expect(await diff(report({ expiresAt: inDays(5) }), made)).toEqual({ changes: true, replaces: ["expiresAt"] });
    expect(await diff({ ...declared, publicUrl: "https://new.example.com" }, made)).toEqual({ changes: true });
    const after = await up({ ...declared, publicUrl: "https://new.example.com" }, made);
    expect(after.outputs).toMatchObject({ status: "archived", url: expect.stringContaining("//new.example.com/") });
  });

  test("by its downloads, or by somebody's hand, stays ended until something else is declared", async () => {
    const made = await up(report({ maxDownloads: 1 }));
    expect(await download(made)).toBe("figures");
    expect((await refresh(made)).props).toMatchObject({ status: "used", downloadCount: 1 });
    expect(await diff(report({ maxDownloads: 2 }), made)).toEqual({ changes: true }); // its content is still there
    await vault.boxes.transfers.archive(made.id, {});
    expect(await diff(report({ maxDownloads: 1 }), made)).toEqual(NOTHING);
    expect(await diff(report({ maxDownloads: 2 }), made)).toEqual({ changes: true, replaces: ["maxDownloads"] });
    await failure(handlers.update(scene.resources(), made.id, made.outputs, report({ maxDownloads: 2 })), "CONFLICT");
  });

  test("because its resource left the program gives nothing, and its mail that waits is let go", async () => {
    const made = await up(report({ to: [BO] }));
    await destroy(made);
    await destroy(made);
    expect((await sent(made)).status).toBe("archived");
    expect((await failure(download(made), "CONFLICT")).details).toMatchObject({ status: "archived" });
    expect(await told()).toEqual([]);
    const other = await up(report());
    await failure(destroy({ ...other, outputs: { ...other.outputs, ownerToken: "another" } }), "CONFLICT");
  });
});

describe("a create", () => {
  test("that was interrupted leaves nothing open: the next one ends it, and says so", async () => {
    const lost = await up(report({ to: [BO] }));
    const made = await up(report({ to: [BO] }));
    expect(made.id).not.toBe(lost.id);
    expect((await sent(lost)).status).toBe("archived");
    expect(scene.notes).toEqual([expect.stringContaining(`ended the transfer ${lost.id}`)]);
    expect(await told()).toEqual([BO]); // by the link that opens
  });

  test("of a file that changed since the preview sends nothing", async () => {
    const news = await checked(report());
    put("report.pdf", "FIGURES");
    expect((await failure(handlers.create(scene.resources(), news), "INVALID_INPUT")).problem).toContain(
      "changed while",
    );
    expect(await collect(vault.boxes.transfers.list())).toEqual([]);
  });
});

describe("a preview", () => {
  test.each<[string, Inputs, string]>([
    ["no file", { files: [] }, "files: names no file"],
    ["a text for the list of files", { files: "./report.pdf" }, "files: must be a list, not text"],
    ["an empty path", { files: [{ path: "" }] }, "files.0.path: must not be empty"],
    ["a file that isn't there", { files: [{ path: "gone.pdf" }] }, "gone.pdf is no file that can be sent"],
    ["no path", { files: [{ name: "a.pdf" }] }, "files.0.path: must be a path or a file asset"],
    ["a blank sender", { from: " " }, "from isn't one line"],
    ["a sender with another header", { from: "Ana\r\nBcc: all@example.com" }, "from isn't one line"],
    ["an address with a name", { to: ["Bo <bo@example.com>"] }, "Number 1 of to isn't an e-mail address"],
    ["an address with another header", { to: [`${BO}\r\nBcc: all@example.com`] }, "isn't an e-mail address"],
    ["a text that is too long", { message: "x".repeat(4_001) }, "message has more than 4000 characters"],
    ["a text that rings a bell", { message: "Figures\u0007" }, "message has a control character"],
    ["a date alone", { expiresAt: "2031-01-01" }, "expiresAt isn't a time with its zone"],
    ["a time that has passed", { expiresAt: "2020-01-01T00:00:00Z" }, "expiresAt isn't within the next 366 days"],
    ["too many days", { expiresAfterDays: 367 }, "expiresAfterDays: is more than 366"],
    ["half a day", { expiresAfterDays: 0.5 }, "expiresAfterDays: isn't a whole number"],
    ["no download", { maxDownloads: 0 }, "maxDownloads isn't a whole number from 1 to 10,000"],
    ["a short password", { password: "hunter2" }, "password has fewer than 8"],
    ["two passwords", { password: PASSWORD, generatePassword: true }, "password and generatePassword are both given"],
    ["two ends", { expiresAt: "2031-01-01T00:00:00Z", expiresAfterDays: 1 }, "expiresAt and expiresAfterDays are both"],
    ["an address with a path", { publicUrl: "https://example.com/x" }, "publicUrl isn't the server's address alone"],
    ["an address without TLS", { publicUrl: "http://example.com" }, "publicUrl isn't the server's address alone"],
    ["a category that isn't there", { categoryId: "ct_gone" }, "NOT_FOUND"],
  ])("refuses %s, and quotes no value", async (_what, inputs, problem) => {
    const said = await problems(report(inputs));
    expect(said).toContain(problem);
    for (const value of [PASSWORD, "hunter2", "all@example.com"]) expect(said).not.toContain(value);
  });

  test.each([
    ["a path", "../../etc/passwd", 'receivers would see "passwd"'],
    ["more than a name has", "x".repeat(300), `receivers would see "${"x".repeat(200)}"`],
    ["a control character", "a\u0007.txt", 'receivers would see "a.txt"'],
    ["a mark that turns text around", "fdp.\u202Etxt.exe", 'receivers would see "fdp.txt.exe"'],
    ["what Windows doesn't take", "10%: a.txt", 'receivers would see "10__ a.txt"'],
  ])("refuses a name that receivers wouldn't see: %s", async (_what, name, problem) => {
    const said = await problems(report({ files: [{ path: join(folder, "report.pdf"), name }] }));
    expect(said).toContain(`files.0.name: ${problem}`);
    expect(said).not.toMatch(/[\u0007\u202E]/);
  });

  test("takes each name that arrives as it is written, and a line break or a tab in the message", async () => {
    for (const name of ["Übersicht 1 (neu).pdf", "Données\u0301.pdf", "図.txt"]) {
      const { files } = await checked(report({ files: [{ path: join(folder, "report.pdf"), name }] }));
      expect(files).toEqual([expect.objectContaining({ name: name.normalize("NFC") })]);
    }
    expect(await problems(report({ message: "Figures\r\n\tof November" }))).toBe("");
  });

  test("counts the ending that encryption adds to what a name may have", async () => {
    const file = (name: string) => ({ files: [{ path: join(folder, "report.pdf"), name }] });
    const longest = "x".repeat(200);
    expect(await problems(report(file(longest)))).toBe("");
    const said = await problems(report({ ...file(longest), endToEnd: true }));
    expect(said).toContain(`receivers would see "${longest.slice(4)}"`);
  });

  test("names a file of the machine as receivers see it, which sends nothing anew", async () => {
    const declared = report({ files: [{ path: put("10%: draft\u202E.txt", "draft") }] });
    const made = await up(declared);
    expect(made.outputs["files"]).toEqual([expect.objectContaining({ name: "10__ draft.txt" })]);
    expect((await sent(made)).files).toEqual([expect.objectContaining({ name: "10__ draft.txt" })]);
    const earlier = made.outputs["files"] as object[];
    const before = { ...made, outputs: { ...made.outputs, files: [{ ...earlier[0], name: "10%: draft\u202E.txt" }] } };
    expect(handlers.diffOffline(before.outputs, await checked(declared))).toEqual(NOTHING);
  });

  test("refuses files whose names are one on some system", async () => {
    mkdirSync(join(folder, "more"));
    const files = [{ path: join(folder, "report.pdf") }, { path: put("more/REPORT.pdf", "others") }];
    expect(await problems(report({ files }))).toContain("REPORT.pdf and report.pdf differ in capital letters alone");
  });

  test("refuses two files of one name, a folder, and a vault without transfers", async () => {
    mkdirSync(join(folder, "more"));
    const twice = [{ path: join(folder, "report.pdf") }, { path: put("more/report.pdf", "others") }];
    expect(await problems(report({ files: twice }))).toContain("Two files are called report.pdf");
    expect(await problems(report({ files: [{ path: join(folder, "more") }] }))).toMatch(
      /no file[\s\S]*Pack the folder/,
    );
    expect(await problems(report(), {}, at(withoutBoxes(vault)))).toContain("NOT_SUPPORTED");
  });

  test("holds nothing against what isn't known yet, and plans a change", async () => {
    const unknown = Object.fromEntries(
      ["files", "from", "to", "message", "expiresAt", "maxDownloads", "password", "categoryId"].map((name) => [
        name,
        UNKNOWN,
      ]),
    );
    expect(await problems(report(unknown))).toBe("");
    const made = await up(report());
    expect((await diff(report({ message: UNKNOWN }), made)).changes).toBe(true);
    expect(handlers.diffOffline(made.outputs, report({ files: UNKNOWN }))).toEqual({
      changes: true,
      replaces: ["files"],
    });
  });

  test("without the vault says what the program alone shows", async () => {
    expect((await handlers.checkOffline(report({ maxDownloads: 0 }))).failures).toHaveLength(1);
    const { inputs } = await handlers.checkOffline(report());
    expect(inputs["files"]).toEqual([expect.objectContaining({ name: "report.pdf", sha256: sha256("figures") })]);
    expect(handlers.diffOffline(inputs, inputs)).toEqual(NOTHING);
  });
});

test("another vault, or an older one, is told from a transfer that is gone", async () => {
  const made = await up(report());
  await expect(diff(report(), made, at(withIdentity(vault, { id: "other" })))).rejects.toThrow("WRONG_VAULT");
  const gone = { ...made, id: "tr_0000000000000000000000" };
  await expect(diff(report(), gone)).rejects.toThrow(/NOT_FOUND[\s\S]*refresh/);
  expect(await refresh(gone)).toEqual({});
  await expect(refresh(gone, at(withIdentity(vault, { head: 0 })))).rejects.toThrow("ROLLED_BACK");
});
