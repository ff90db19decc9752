import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import kdbxweb from "kdbxweb";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { totpCode } from "../../provider/core/totp.js";
import type { KdbxContent, KdbxState } from "../../provider/vault/keepass/content.js";
import { replaceKdbxFile } from "../../provider/vault/keepass/file.js";
import { type KeepassVault, openKeepassVault } from "../../provider/vault/keepass/keepass-vault.js";
import { createKdbx, type Kdbx, loadKdbx, saveKdbx } from "../../provider/vault/keepass/library.js";
import { readContent } from "../../provider/vault/keepass/read.js";
import { mergeContent } from "../../provider/vault/keepass/write.js";
import { newHolder } from "../../provider/rotation/holder.js";
import { hasKeepassxc, keepassxc } from "../fixtures/keepassxc.js";
import { collect, failure } from "./vault-cases/setup.js";

jest.setTimeout(60_000);

const PASSPHRASE = "correct horse battery staple é";
const key = () => ({ passphrase: new Secret(PASSPHRASE) });
const ORIGIN = "a-vault";
const uuid = (number: number) => Buffer.alloc(16, number).toString("base64");
const at = (second: number) => new Date(Date.parse("2026-01-01T00:00:00Z") + second * 1000);
const SEED = "JBSWY3DPEHPK3PXPJBSWY3DP";

let folder: string;
let path: string;
let opened: KeepassVault[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-keepass-"));
  path = join(folder, "a file.kdbx");
});

afterEach(async () => {
  await Promise.all(opened.map((vault) => vault.close()));
  opened = [];
  await rm(folder, { recursive: true });
});

function open(more: Partial<Parameters<typeof openKeepassVault>[0]> = {}): KeepassVault {
  const vault = openKeepassVault({ path, key, actor: "ana@runner-1 (test)", clock: systemClock, ...more });
  opened.push(vault);
  return vault;
}

function state(second: number, more: Partial<Omit<KdbxState, "password">> & { password?: string } = {}): KdbxState {
  const { password = "p", ...others } = more;
  const texts = { title: "orders-app", username: "orders", url: "https://db", notes: "two\nlines", tags: ["eu", "db"] };
  return { at: at(second), ...texts, strings: [], files: [], password: new Secret(password), ...others };
}

const content = (...states: KdbxState[]): KdbxContent => ({
  id: uuid(9),
  name: "prod",
  groups: [
    { id: uuid(1), parentId: null, name: "Production", notes: "what is live", isDeleted: false },
    { id: uuid(2), parentId: uuid(1), name: "Databases", notes: "", isDeleted: false },
  ],
  entries: [{ id: uuid(3), groupId: uuid(2), createdAt: at(0), states, customData: {} }],
});

/** Opened a hundred times here: with 1 MiB and one pass. */
function quick(kdbx: Kdbx): Kdbx {
  kdbx.header.kdfParameters?.set("M", kdbxweb.VarDictionary.ValueType.UInt64, kdbxweb.Int64.from(1024 * 1024));
  kdbx.header.kdfParameters?.set("I", kdbxweb.VarDictionary.ValueType.UInt64, kdbxweb.Int64.from(1));
  return kdbx;
}

async function write(what: KdbxContent, origin = ORIGIN) {
  let merge: Awaited<ReturnType<typeof mergeContent>> | undefined;
  await replaceKdbxFile(path, async (before) => {
    const kdbx = before ? await loadKdbx(before, key(), path) : quick(createKdbx(what.name, key()));
    merge = await mergeContent(kdbx, what, origin);
    return saveKdbx(kdbx);
  });
  return merge;
}

const PATH = ["Production", "Databases", "orders-app"];

async function values(vault: KeepassVault, field: string, ...versions: number[]): Promise<unknown[]> {
  const answers = await vault.readMany(versions.map((version) => ({ path: PATH, field, version })));
  return answers.map((answer) =>
    answer instanceof CoffreError ? answer.code : answer instanceof Error ? answer : answer.value.reveal(),
  );
}

const secret = (name: string, value: string, isProtected = true) => ({ name, value: new Secret(value), isProtected });

describe("a KeePass file as a vault", () => {
  test("says that it is only read: every write is refused, and there are no people and no events", async () => {
    await write(content(state(1)));
    const vault = open();
    expect(vault.capabilities).toMatchObject({ readOnly: true, versions: true, grants: "none", events: "none" });
    const { id } = (await collect(vault.listCredentials()))[0]!;
    await failure(vault.createCategory({ name: "a", parentId: null }), "READ_ONLY");
    await failure(vault.createCredentials([{ name: "a", categoryId: null }]), "READ_ONLY");
    await failure(vault.updateCredential(id, { name: "b" }), "READ_ONLY");
    await failure(vault.archiveCredential(id, {}), "READ_ONLY");
    await failure(vault.deleteCredential(id, {}), "READ_ONLY");
    await failure(vault.acquireLease(id, { holder: "h", ttlSeconds: 1 }), "READ_ONLY");
    await failure(vault.bookLogin({ id: "b", account: "a", host: "h", kind: "probe" }), "READ_ONLY");
    await failure(vault.people.createPrincipal({ kind: "user", name: "ana" }), "NOT_SUPPORTED");
    await failure(collect(vault.people.listGrants()), "NOT_SUPPORTED");
    expect(() => vault.listEvents()).toThrow("has no log of events");
  });

  test("groups are categories, entries credentials, history the versions of each field", async () => {
    const fields = (token: string) => [secret("api token", token), secret("host", "db-1", false)];
    await write(
      content(
        state(1, { password: "one", strings: fields("t1") }),
        state(2, { password: "two", strings: fields("t1") }),
        state(3, {
          password: "two",
          strings: [...fields("t2"), secret("otp", `otpauth://totp/coffre?secret=${SEED}&period=30&digits=6`)],
          files: [{ name: "tls.key", bytes: Buffer.from("a key") }],
        }),
      ),
    );
    const vault = open();
    expect(await vault.identity()).toMatchObject({ name: "prod", restoreCounter: 0, head: 0 });
    expect(await collect(vault.listCategories())).toMatchObject([
      { path: ["Production"], description: "what is live", parentId: null },
      { path: ["Production", "Databases"] },
    ]);
    const found = await vault.findCredential(PATH);
    expect(found).toMatchObject({
      path: PATH,
      username: "orders",
      url: "https://db",
      description: "two\nlines",
      tags: ["eu", "db"],
      status: "current",
      valueManagedBy: "external",
      versions: [
        { number: 1, state: "previous", createdAt: "2026-01-01T00:00:01.000Z" },
        { number: 2, state: "current", createdAt: "2026-01-01T00:00:02.000Z" },
      ],
      fields: [
        { name: "api-token", type: "secret", versions: [{ number: 1 }, { number: 2, state: "current" }] },
        { name: "host", type: "text", text: "db-1" },
        { name: "totp", type: "totp" },
        { name: "tls.key", type: "file" },
      ],
    });
    expect(await vault.readCredential(found!.id)).toMatchObject({ path: PATH });
    expect(await values(vault, "password", 1, 2, 3)).toEqual(["one", "two", "NOT_FOUND"]);
    expect(await values(vault, "api-token", 1, 2)).toEqual(["t1", "t2"]);
    expect(await values(vault, "totp", 1)).toEqual([SEED]);
    expect(await values(vault, "tls.key", 1)).toEqual([Buffer.from("a key").toString("base64")]);
    const [first] = await vault.readMany([{ id: found!.id }]);
    expect(JSON.stringify(first)).not.toContain("two");
    expect(await vault.notes()).toContainEqual({
      path: PATH,
      field: "api-token",
      what: 'the field is called "api token" in the file',
    });
  });

  test("one wrong reference is an error in its place and doesn't hide the others", async () => {
    await write(content(state(1, { password: "one" }), state(2, { password: "two" })));
    const answers = await open().readMany([
      { path: ["nowhere", "a"] },
      { path: PATH },
      { path: PATH, version: "previous" },
      { path: PATH, version: "pending" },
      { path: PATH, field: "totp" },
      {},
    ]);
    expect(
      answers.map((answer) => (answer instanceof Error ? (answer as CoffreError).code : answer.value.reveal())),
    ).toEqual(["NOT_FOUND", "two", "one", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]);
    expect(answers[1]).toMatchObject({
      path: PATH,
      username: "orders",
      field: "password",
      version: 2,
      status: "current",
    });
  });

  test("ids and identity are the same in another process, and a reader sees what was saved since", async () => {
    await write(content(state(1, { password: "one" })));
    const [vault, other] = [open(), open()];
    const ids = async (which: KeepassVault) => (await collect(which.listCredentials())).map(({ id }) => id);
    expect(await ids(vault)).toEqual(await ids(other));
    expect(await vault.identity()).toEqual(await other.identity());
    expect(await vault.digest("a")).toBe(await other.digest("a"));
    const { headProof } = await vault.identity();
    await write(content(state(1, { password: "one" }), state(2, { password: "two" })));
    expect(await values(vault, "password", 2)).toEqual(["two"]);
    expect(await other.hasHeads([headProof, "7:0123456789abcdef0123456789abcdef"])).toEqual([true, false]);
  });

  test("names that no vault has are made to fit, two of one name told apart, and the recycle bin is left out", async () => {
    const odd = content(state(1));
    const entry = (number: number, title: string, groupId: string | null = null) => {
      return { id: uuid(number), groupId, createdAt: at(0), states: [state(1, { title })], customData: {} };
    };
    odd.entries.push(entry(10, "TCP/IP"), entry(11, "TCP/IP"), entry(12, ""), entry(13, " a\nb "));
    await write(odd);
    const vault = open();
    const names = (await collect(vault.listCredentials())).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["TCP-IP", expect.stringMatching(/^TCP-IP \(\w{4}\)$/), "unnamed credential", "a b"]),
    );
    expect(await vault.notes()).toContainEqual({ path: ["TCP-IP"], what: 'the entry is called "TCP/IP" in the file' });
  });

  test("a copy that is brought up to date keeps what others put beside it, and what they changed in it", async () => {
    await write(content(state(1, { password: "one" })));
    const theirs: KdbxContent = {
      id: uuid(9),
      name: "",
      groups: [],
      entries: [{ ...content(state(5, { title: "mine" })).entries[0]!, id: uuid(20), groupId: null }],
    };
    await write(theirs, "somebody else's");
    const kdbx = await loadKdbx(await readFile(path), key(), path);
    const entry = [...kdbx.getDefaultGroup().allEntries()].find(({ uuid: { id } }) => id === uuid(3))!;
    entry.pushHistory();
    entry.fields.set("Notes", "changed on board");
    entry.times.update();
    await writeFile(path, await saveKdbx(kdbx));

    expect(await write(content(state(1, { password: "one" }), state(2, { password: "two" })))).toEqual({
      changedThere: [PATH],
      kept: 1,
    });
    const after = readContent(await loadKdbx(await readFile(path), key(), path));
    const found = after.entries.find(({ id }) => id === uuid(3));
    expect(found?.states.at(-1)).toMatchObject({ notes: "two\nlines" });
    expect(found?.states.map(({ notes }) => notes)).toContain("changed on board");
    expect(after.entries.map(({ states }) => states[0]?.title)).toContain("mine");
    expect(await write({ ...content(), groups: [], entries: [] })).toMatchObject({ kept: 1 });
    const last = readContent(await loadKdbx(await readFile(path), key(), path));
    expect(last.groups.filter(({ isDeleted }) => !isDeleted)).toEqual([]);
    expect(last.entries.map(({ id }) => id)).toEqual([uuid(20)]);
  });
});

describe("a file that doesn't open", () => {
  test("a wrong passphrase, none, and one too many are told apart from damage", async () => {
    await write(content(state(1)));
    const wrong = open({ key: () => ({ passphrase: new Secret("wrong") }) });
    const error = await failure(wrong.identity(), "WRONG_KEY");
    expect(error.message).toContain("doesn't open with this key");
    expect(error.message).not.toContain("damaged");
    await failure(open({ key: () => ({ ...key(), keyFile: Buffer.from("another") }) }).identity(), "WRONG_KEY");
    await failure(open({ path: join(folder, "none.kdbx") }).identity(), "VAULT_MISSING");
    await failure(open({ path: folder }).identity(), "CORRUPT");
  });

  test("wherever it was cut or altered it is called damaged, whatever the passphrase", async () => {
    await write(content(state(1)));
    const bytes = await readFile(path);
    const damages: [string, Buffer][] = [0, 3, 20, 150, bytes.length >> 1, bytes.length - 1].map((end) => [
      `cut at ${end}`,
      bytes.subarray(0, end),
    ]);
    for (const place of [2, 30, 200, bytes.length >> 1]) {
      const altered = Buffer.from(bytes);
      altered[place]! ^= 1;
      damages.push([`altered at ${place}`, altered]);
    }
    for (const [what, damaged] of damages) {
      await writeFile(path, damaged);
      const error = await open()
        .identity()
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect({ what, code: (error as CoffreError).code }).toEqual({ what, code: "CORRUPT" });
    }
  });
});

describe("writing", () => {
  test("the file is for its owner only, nothing is left beside it, and a dead Coffre's lock is taken away", async () => {
    await writeFile(`${path}.lock`, `coffre nowhere/1/1/00\n`);
    await failure(write(content(state(1))), "LOCKED");
    await rm(`${path}.lock`);
    await write(content(state(1)));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { pid } = spawnSync("true");
    await writeFile(`${path}.lock`, `coffre ${newHolder().replace(/\/\d+\/[^/]+\//, `/${pid}/1/`)}\n`);
    await write(content(state(2)));
    expect(await readdir(folder)).toEqual(["a file.kdbx"]);
    await writeFile(join(folder, ".a file.kdbx.lock"), "4711\nkeepassxc\nhost\n");
    const error = await failure(write(content(state(2))), "LOCKED");
    expect(error.hint).toContain(".a file.kdbx.lock");
  });

  test("one that somebody saved meanwhile is loaded again", async () => {
    await write(content(state(1, { password: "one" })));
    let calls = 0;
    const seen: number[] = [];
    await replaceKdbxFile(path, async (before) => {
      seen.push(before?.length ?? 0);
      if (calls++ === 0) await writeFile(path, Buffer.concat([before!, Buffer.of(0)]));
      return before!;
    });
    expect(seen).toEqual([seen[0], seen[0]! + 1]);
  });
});

(hasKeepassxc ? describe : describe.skip)("KeePassXC", () => {
  test("opens what Coffre wrote: groups, fields, history, one-time codes, attachments and the cost of the passphrase", async () => {
    await write(
      content(
        state(1, { password: "one" }),
        state(2, {
          password: 'two "quoted" <&> é',
          strings: [
            secret("token", "t1"),
            secret("host", "db-1", false),
            secret("otp", `otpauth://totp/coffre?secret=${SEED}&period=30&digits=6`),
          ],
          files: [{ name: "tls.key", bytes: Buffer.from("a key") }],
        }),
      ),
    );
    expect(await keepassxc(["ls", "-q", "-R", "-f", path], PASSPHRASE)).toContain("Production/Databases/orders-app");
    const show = async (...args: string[]) =>
      (await keepassxc(["show", "-q", ...args, path, "/Production/Databases/orders-app"], PASSPHRASE)).trimEnd();
    expect(await show("-s", "-a", "Password")).toBe('two "quoted" <&> é');
    expect(await show("-s", "-a", "token", "-a", "host", "-a", "UserName", "-a", "URL", "-a", "Notes")).toBe(
      "t1\ndb-1\norders\nhttps://db\ntwo\nlines",
    );
    expect(await show("-t")).toBe(totpCode(new Secret(SEED), new Date()).code.reveal());
    expect(
      await keepassxc(
        ["attachment-export", "-q", "--stdout", path, "/Production/Databases/orders-app", "tls.key"],
        PASSPHRASE,
      ),
    ).toBe("a key");
    expect(await keepassxc(["export", "-q", path], PASSPHRASE)).toMatch(/<History>[^]*>one</);
    await writeFile(path, await saveKdbx(createKdbx("prod", key())));
    expect(await keepassxc(["db-info", "-q", path], PASSPHRASE)).toMatch(/Argon2id \(3 rounds, 65536 KB\)/);
  });

  test("writes what Coffre reads: in its own KDBX 3.1, and in the KDBX 4 that Coffre began", async () => {
    const old = join(folder, "old.kdbx");
    await keepassxc(["db-create", "-q", "-t", "100", "-p", old], PASSPHRASE, PASSPHRASE);
    expect((await readFile(old)).readUInt16LE(10)).toBe(3);
    expect(await collect(open({ path: old }).listCredentials())).toEqual([]);
    await write({ ...content(), groups: [], entries: [] });
    for (const file of [old, path]) {
      await keepassxc(["mkdir", "-q", file, "/Databases"], PASSPHRASE);
      await keepassxc(
        ["add", "-q", "-p", "-u", "ana", "--url", "https://x", file, "/Databases/shop"],
        PASSPHRASE,
        "first",
      );
      await keepassxc(["edit", "-q", "-p", "--notes", "a note", file, "/Databases/shop"], PASSPHRASE, "second é");
      await writeFile(join(folder, "key.pem"), "a key");
      await keepassxc(
        ["attachment-import", "-q", file, "/Databases/shop", "key.pem", join(folder, "key.pem")],
        PASSPHRASE,
      );
      await keepassxc(["add", "-q", "-p", file, "/gone"], PASSPHRASE, "gone");
      await keepassxc(["rm", "-q", file, "/gone"], PASSPHRASE);
      const vault = open({ path: file });
      expect((await collect(vault.listCredentials())).map(({ path: names }) => names.join("/"))).toEqual([
        "Databases/shop",
      ]);
      expect(await vault.findCredential(["Databases", "shop"])).toMatchObject({
        username: "ana",
        url: "https://x",
        description: "a note",
        fields: [{ name: "key.pem", type: "file" }],
      });
      const answers = await vault.readMany([1, 2].map((version) => ({ path: ["Databases", "shop"], version })));
      expect(answers.map((answer) => (answer instanceof Error ? answer : answer.value.reveal()))).toEqual([
        "first",
        "second é",
      ]);
    }
    expect((await readFile(path)).readUInt16LE(10)).toBe(4);
    await failure(open({ path: old, key: () => ({ passphrase: new Secret("wrong") }) }).identity(), "WRONG_KEY");
  });
});
