import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { collect } from "../../provider/core/collect.js";
import { type FieldType, fileValue } from "../../provider/core/field.js";
import { Secret } from "../../provider/core/secret.js";
import { openAgeFile, sealForRecipients } from "../../provider/exchange/age.js";
import { parseCertificates, sealForCertificates } from "../../provider/core/cms.js";
import { compareEntries } from "../../provider/exchange/compare.js";
import { readJson, writeJson } from "../../provider/exchange/json.js";
import { readKeepassFile } from "../../provider/exchange/keepass-file.js";
import { writeKdbx } from "../../provider/exchange/kdbx.js";
import { writeLockselfCsv } from "../../provider/exchange/lockself-csv.js";
import { readEntries } from "../../provider/exchange/read-vault.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { FieldChange, Vault } from "../../provider/vault/port.js";
import { target } from "../contract/vault-cases/steps.js";

const SEED = "JBSWY3DPEHPK3PXP";
const PASSPHRASE = new Secret("eight words would be better than this one");
const who = { actor: "a test", clock: systemClock };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-exchange-"));
});

afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, value: string, type: FieldType = "secret"): FieldChange => ({
  change: "put",
  name,
  type,
  value: new Secret(value),
  cause: "test",
});

/** A vault with everything that an entry can have. */
async function fullVault(): Promise<Vault> {
  const vault = createMemoryVault({ name: "prod" });
  const { id: production } = await vault.createCategory({
    name: "Production",
    parentId: null,
    description: "what is live",
  });
  const { id: categoryId } = await vault.createCategory({ name: "Databases", parentId: production });
  const [made] = await vault.createCredentials([
    {
      name: "orders",
      categoryId,
      username: "app",
      url: "https://db",
      description: 'two\nlines "and" <quotes>',
      tags: ["eu", "a, b"],
      initial: { value: new Secret("first é"), causes: ["c"] },
      fields: [
        put("token", "t1"),
        put("token", "t2"),
        put("host", "db-1", "text"),
        put("totp", SEED, "totp"),
        put("second-seed", `otpauth://totp/x:y?secret=${SEED}&issuer=x&period=60`, "totp"),
        put("Notes", "a field of that name", "text"),
        put("otp", "no seed, a text", "text"),
        { ...put("tls.key", "", "file"), value: fileValue(Buffer.from([0, 1, 2, 255])) } as FieldChange,
        put("gone", "g1"),
        { change: "remove", name: "gone" },
      ],
    },
    { name: "root", categoryId: null, initial: { value: new Secret("=1+1"), causes: ["c"] } },
    { name: "awaits", categoryId, valueManagedBy: "external" },
  ]);
  await vault.acquireLease(made!.id, { holder: "h", ttlSeconds: 60 }, [
    { step: "stage", value: new Secret("second"), causes: ["c"], accounts: [] },
    { step: "promote", version: 2, verified: false },
    { step: "release" },
  ]);
  return vault;
}

const entriesOf = async (vault: Vault) => (await readEntries(vault)).entries.map(({ entry }) => entry);

async function toKdbx(vault: Vault, path: string) {
  const { entries, categories } = await readEntries(vault);
  const copies = entries.map(({ credential: { id, createdAt }, entry }) => ({ id, createdAt, entry }));
  return writeKdbx({
    path,
    key: { passphrase: PASSPHRASE },
    vault: await vault.identity(),
    categories,
    entries: copies,
  });
}

test("a KeePass file holds every field of every entry, with all versions, also those whose names mean something there", async () => {
  const vault = await fullVault();
  const path = join(folder, "prod.kdbx");
  const tags = {
    where: "Production/Databases/orders",
    field: "tags",
    what: "a comma or semicolon in a tag is a space there",
  };
  expect(await toKdbx(vault, path)).toEqual({ notes: [tags], kept: 0 });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const back = await readKeepassFile(path, { passphrase: PASSPHRASE }, who);
  const wanted = await entriesOf(vault);
  expect(back.entries.map(({ path: at }) => at.join("/")).sort()).toEqual(
    wanted.map(({ path: at }) => at.join("/")).sort(),
  );
  for (const entry of wanted) {
    const found = back.entries.find(({ path: at }) => at.join("/") === entry.path.join("/"));
    expect({ entry: entry.path, differs: compareEntries(entry, found!) }).toEqual({
      entry: entry.path,
      differs: entry.tags.length > 0 ? ["tags"] : [],
    });
  }
  expect(back.categories).toEqual([{ path: ["Production"], description: "what is live" }]);
  expect(back.notes).toEqual([]);
  await toKdbx(vault, path);
  expect(await readKeepassFile(path, { passphrase: PASSPHRASE }, who)).toEqual(back);
}, 60_000);

test("JSON holds the same, and its form is checked when it comes back", async () => {
  const vault = await fullVault();
  const { categories } = await readEntries(vault);
  const bytes = writeJson(await vault.identity(), new Date(0), categories, await entriesOf(vault));
  const back = readJson(bytes, "f");
  const wanted = await entriesOf(vault);
  expect(back.entries.flatMap((entry, index) => compareEntries(entry, wanted[index]!))).toEqual([]);
  const altered = (change: (document: Record<string, unknown>) => void) => {
    const document = JSON.parse(bytes.toString()) as Record<string, unknown>;
    change(document);
    return () => readJson(Buffer.from(JSON.stringify(document)), "f");
  };
  expect(altered((document) => (document["version"] = 2))).toThrow(/^NEWER_FORMAT/);
  expect(altered((document) => ((document["entries"] as { path: string[] }[])[0]!.path = ["a/b"]))).toThrow(
    /isn't as Coffre writes it, at entries.0.path.0/,
  );
  expect(altered((document) => delete document["format"])).toThrow(/isn't an export of Coffre/);
});

test("what a CSV of LockSelf can't hold is listed by entry and field, without a value", async () => {
  const vault = await fullVault();
  const { notes, bytes } = writeLockselfCsv(await entriesOf(vault), "prod");
  expect(notes.map(({ where, field = "-", what }) => `${where} ${field} ${what.slice(0, 30)}`)).toEqual(
    expect.arrayContaining([
      "Production/Databases/orders password 1 earlier version: a CSV has n",
      "Production/Databases/orders token 1 earlier version: a CSV has n",
      "Production/Databases/orders token a CSV of LockSelf has no colum",
      "Production/Databases/orders tls.key a CSV of LockSelf has no colum",
      "Production/Databases/orders tags a comma in a tag is a space th",
      "Production/Databases/awaits password it has no password, and LockSe",
      "root - it is in no category, and goes",
      "root Password it begins as a formula does: o",
    ]),
  );
  expect(JSON.stringify(notes)).not.toMatch(/first|second"|t1|db-1|1\+1/);
  expect(bytes.toString()).toContain("root;;;=1+1;prod;");
});

test("what no copy has is listed: targets, rhythms, owners, a pending version", async () => {
  const vault = createMemoryVault();
  const [made] = await vault.createCredentials([
    {
      name: "a",
      categoryId: null,
      targets: [target("a")],
      rotation: { everyDays: 1, when: "scheduled" },
      owner: { key: "k", stack: "s", token: "t" },
    },
  ]);
  await vault.acquireLease(made!.id, { holder: "h", ttlSeconds: 60 }, [
    { step: "stage", value: new Secret("pending"), causes: [], accounts: [target("a").account] },
  ]);
  const { notes, entries } = await readEntries(vault);
  expect(notes.map(({ what }) => what)).toEqual([
    "1 target: nothing is set there from a copy",
    "when it is rotated",
    "that a stack declares it",
    "version 1 is pending: the copy has what was current before",
  ]);
  expect(entries[0]?.entry.values).toEqual([]);
});

test("one branch, and only what is in force", async () => {
  const { entries } = await readEntries(await fullVault(), { category: ["Production"], history: false });
  expect(entries.map(({ entry }) => entry.path.join("/"))).toEqual([
    "Production/Databases/awaits",
    "Production/Databases/orders",
  ]);
  expect(entries[1]?.entry.values.map(({ field, versions }) => `${field} ${versions.length}`)).not.toContain("gone 1");
  expect(entries[1]?.entry.values.every(({ versions }) => versions.length === 1)).toBe(true);
});

describe("encryption", () => {
  const CLEAR = Buffer.from("Name;URL\né;x\n");

  test("age: the recipient's identity opens it, another doesn't", async () => {
    const [identity, other] = [await generateX25519Identity(), await generateX25519Identity()];
    const path = join(folder, "a.age");
    await writeFile(path, await sealForRecipients(CLEAR, [await identityToRecipient(identity)]));
    expect(await openAgeFile(path, [new Secret(identity)])).toEqual(CLEAR);
    await expect(openAgeFile(path, [new Secret(other)])).rejects.toMatchObject({ code: "WRONG_KEY" });
  });

  test.each([
    ["RSA", ["-newkey", "rsa:2048"]],
    ["an elliptic curve", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]],
  ])("CMS: openssl opens what was made for a certificate with %s, and only that one", async (_kind, newKey) => {
    const run = promisify(execFile);
    const make = (name: string) =>
      run("openssl", [
        "req",
        "-x509",
        ...newKey,
        "-nodes",
        "-keyout",
        join(folder, `${name}.key`),
        "-out",
        join(folder, `${name}.pem`),
        "-subj",
        `/CN=${name}`,
        "-days",
        "2",
      ]);
    await make("ana");
    await make("bo");
    const recipients = parseCertificates(await readFile(join(folder, "ana.pem"), "utf8"), "ana.pem", new Date());
    expect(recipients).toMatchObject([{ subject: "CN=ana" }]);
    const sealed = join(folder, "a.cms");
    await writeFile(sealed, await sealForCertificates(CLEAR, recipients));
    expect((await readFile(sealed)).includes(CLEAR)).toBe(false);
    const open = (name: string) =>
      run("openssl", [
        "cms",
        "-decrypt",
        "-binary",
        "-inform",
        "DER",
        "-in",
        sealed,
        "-inkey",
        join(folder, `${name}.key`),
        "-recip",
        join(folder, `${name}.pem`),
      ]);
    expect((await open("ana")).stdout).toBe(CLEAR.toString());
    await expect(open("bo")).rejects.toThrow();
  });

  test("a certificate that has expired, a private key, and what is none are refused", async () => {
    await promisify(execFile)("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      join(folder, "k"),
      "-out",
      join(folder, "c"),
      "-subj",
      "/CN=a",
      "-days",
      "2",
    ]);
    const [key, certificate] = await Promise.all(["k", "c"].map((name) => readFile(join(folder, name), "utf8")));
    expect(() => parseCertificates(certificate!, "c", new Date(Date.now() + 3 * 86_400_000))).toThrow(/expired/);
    expect(() => parseCertificates(key! + certificate!, "c", new Date())).toThrow(/holds a private key/);
    expect(() => parseCertificates("text", "c", new Date())).toThrow(/holds no certificate/);
  });
});

test("the vault's own lists are as before: an export writes nothing but the event of the read", async () => {
  const vault = await fullVault();
  const { head } = await vault.identity();
  await readEntries(vault);
  expect((await collect(vault.listEvents({ after: head }))).map(({ action }) => action)).toEqual(["credential.read"]);
});

test("an entry whose logins take turns is exported with the login that its current password is of", async () => {
  const vault = createMemoryVault({ name: "prod" });
  const [made] = await vault.createCredentials([{ name: "app", username: "app", categoryId: null }]);
  const { lease } = await vault.acquireLease(made?.id ?? "", { holder: "a test", ttlSeconds: 60 });
  for (const [index, username] of ["app_a", "app_b"].entries()) {
    const value = new Secret(username);
    await vault.record(lease, [
      { step: "stage", value, causes: [], accounts: [], username },
      { step: "promote", version: index + 1, verified: false },
    ]);
  }
  const { entries, notes } = await readEntries(vault);
  expect(entries).toMatchObject([{ entry: { username: "app_b" } }]);
  expect(notes.map(({ what }) => what)).toEqual([
    "earlier passwords are of other logins: a copy names the current one's",
  ]);
  await vault.close();
});

test("a version that a person has accepted again is the current one of a copy, after those that came later", async () => {
  const vault = createMemoryVault({ name: "prod" });
  const initial = { value: new Secret("works"), causes: ["c"] };
  const [made] = await vault.createCredentials([{ name: "app", categoryId: null, initial }]);
  await vault.acquireLease(made!.id, { holder: "a test", ttlSeconds: 60 }, [
    { step: "stage", value: new Secret("refused"), causes: ["c"], accounts: [] },
    { step: "promote", version: 2, verified: false },
    { step: "release" },
  ]);
  await vault.resolveCredential(made!.id, { decision: "accept", version: 1, verified: false });
  const { entries } = await readEntries(vault);
  const [password] = entries[0]!.entry.values;
  expect([password!.field, password!.isCurrent]).toEqual(["password", true]);
  expect(password!.versions.map(({ value }) => value.reveal())).toEqual(["refused", "works"]);
  const { bytes } = writeLockselfCsv([entries[0]!.entry], "prod");
  expect(bytes.toString()).toContain(";works;");
  await vault.close();
});
