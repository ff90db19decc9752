import { createDecipheriv, createHash } from "node:crypto";
import { parseEnv } from "node:util";
import { armor, Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, test } from "@jest/globals";
import { parse, parseAllDocuments } from "yaml";
import type { FieldType } from "../../provider/core/field.js";
import { Secret } from "../../provider/core/secret.js";
import { writeDotenv } from "../../provider/exchange/dotenv.js";
import type { ExchangeEntry } from "../../provider/exchange/entry.js";
import { writeK8sSecrets } from "../../provider/exchange/k8s-secret.js";
import { writeSops } from "../../provider/exchange/sops-age.js";

const NOW = new Date("2030-01-01T12:34:56.789Z");
const VALUE = `a "quoted" $value: {{ x }}\nand a second line`;

function value(field: string, text: string, type: FieldType = "secret", isCurrent = true) {
  return { field, isCurrent, versions: [{ type, value: new Secret(text) }] };
}

const entry = (path: string, values: ExchangeEntry["values"], more: Partial<ExchangeEntry> = {}): ExchangeEntry => ({
  origin: path,
  path: path.split("/"),
  tags: [],
  values,
  ...more,
});

const FULL = [
  entry("Databases/orders-app", [value("password", VALUE), value("tls.key", "/w==", "file")], {
    username: "orders_app",
    url: "https://db",
    description: "not held",
    tags: ["eu"],
  }),
  entry("Café/9 lives", [value("password", "it's $5"), value("old", "gone", "secret", false)]),
];

test("dotenv: what a reader of the file gets is what is in force; what it can't hold is listed", () => {
  const { bytes, notes } = writeDotenv(FULL);
  expect({ ...parseEnv(bytes.toString()) }).toEqual({
    DATABASES_ORDERS_APP_USERNAME: "orders_app",
    DATABASES_ORDERS_APP_URL: "https://db",
    DATABASES_ORDERS_APP_PASSWORD: VALUE,
    DATABASES_ORDERS_APP_TLS_KEY: "/w==",
  });
  expect(notes).toEqual([
    { where: "Databases/orders-app", field: "description", what: expect.any(String) },
    { where: "Databases/orders-app", field: "tags", what: expect.any(String) },
    { where: "Databases/orders-app", field: "tls.key", what: "its bytes are in base64" },
    {
      where: "Café/9 lives",
      field: "password",
      what: expect.stringMatching(/^it isn't in the file: it has a single quote/),
    },
  ]);
  expect(writeDotenv([entry("9/lives", [value("a", "x")])]).bytes.toString()).toBe("_9_LIVES_A=x\n");
});

test("k8s-secret: a Secret for each entry, with bytes as they are", () => {
  const documents = parseAllDocuments(writeK8sSecrets(FULL).bytes.toString()).map((one) => one.toJS() as unknown);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  expect(documents).toEqual([
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "databases-orders-app" },
      type: "Opaque",
      data: { username: base64("orders_app"), url: base64("https://db"), password: base64(VALUE), "tls.key": "/w==" },
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "cafe-9-lives" },
      type: "Opaque",
      data: { password: base64("it's $5") },
    },
  ]);
});

test("names that would stand for two are refused, and so is what Kubernetes takes no Secret of", () => {
  const two = [entry("a/b-c", [value("password", "x")]), entry("a/b_c", [value("password", "y")])];
  expect(() => writeDotenv(two)).toThrow("a/b-c password and a/b_c password would both be called A_B_C_PASSWORD there");
  expect(() => writeK8sSecrets(two)).toThrow("a/b-c and a/b_c would both be called a-b-c there");
  expect(() => writeK8sSecrets([entry("!/§", [value("password", "x")])])).toThrow("has no letter or digit");
  const large = Buffer.alloc(1_048_577).toString("base64");
  expect(() => writeK8sSecrets([entry("a", [value("f", large, "file")])])).toThrow(
    "a is larger than Kubernetes takes a Secret (1 MiB)",
  );
});

/** What SOPS's documents say of its format, from the other side. */
async function openSops(text: string, identity: string): Promise<Record<string, unknown>> {
  const { sops, ...tree } = parse(text) as {
    sops: { age: { recipient: string; enc: string }[]; lastmodified: string; mac: string; unencrypted_suffix: string };
  } & Record<string, Record<string, string>>;
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const recipient = await identityToRecipient(identity);
  const sealed = sops.age.find((one) => one.recipient === recipient)?.enc ?? "";
  const key = await decrypter.decrypt(armor.decode(sealed));
  expect(key).toHaveLength(32);
  const open = (written: string, place: string) => {
    const [, data = "", iv = "", tag = ""] =
      /^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:str\]$/.exec(written) ?? [];
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "base64"));
    decipher.setAAD(Buffer.from(place)).setAuthTag(Buffer.from(tag, "base64"));
    return Buffer.concat([decipher.update(Buffer.from(data, "base64")), decipher.final()]).toString();
  };
  const digest = createHash("sha512");
  const found = Object.entries(tree).map(([path, fields]) => {
    const opened = Object.entries(fields).map(([name, written]) => {
      const clear = open(written, `${path}:${name}:`);
      digest.update(clear);
      return [name, clear];
    });
    return [path, Object.fromEntries(opened) as unknown];
  });
  expect(open(sops.mac, sops.lastmodified)).toBe(digest.digest("hex").toUpperCase());
  return Object.fromEntries(found) as Record<string, unknown>;
}

test("sops-age: each recipient opens it, each value only in its place, and the MAC is over all", async () => {
  const identities = await Promise.all([generateX25519Identity(), generateX25519Identity()]);
  const recipients = await Promise.all(identities.map(identityToRecipient));
  const { bytes, notes } = await writeSops(FULL, { recipients, now: NOW });
  const text = bytes.toString();
  for (const identity of identities) {
    expect(await openSops(text, identity)).toEqual({
      "Databases/orders-app": { username: "orders_app", url: "https://db", password: VALUE, "tls.key": "/w==" },
      "Café/9 lives": { password: "it's $5" },
    });
  }
  for (const clear of ["orders_app", "it's", "second line"]) expect(text).not.toContain(clear);
  expect(notes.at(-1)).toEqual({ where: "Databases/orders-app", field: "tls.key", what: "its bytes are in base64" });
  expect(parse(text)).toMatchObject({
    sops: { lastmodified: "2030-01-01T12:34:56Z", unencrypted_suffix: "_unencrypted" },
  });

  const [password = "", username = ""] = ["password", "username"].map(
    (name) => new RegExp(`^  ${name}: (ENC.*)$`, "m").exec(text)?.[1] ?? "",
  );
  const exchanged = text.replace(password, "#").replace(username, password).replace("#", username);
  await expect(openSops(exchanged, identities[0] ?? "")).rejects.toThrow();
});

test("names that mean something else to SOPS are refused", async () => {
  const recipients = [await identityToRecipient(await generateX25519Identity())];
  for (const path of ["sops", "a/b_unencrypted"]) {
    await expect(writeSops([entry(path, [value("password", "x")])], { recipients, now: NOW })).rejects.toThrow(
      "means something else to SOPS",
    );
  }
  await expect(writeSops([entry("a", [value("b_unencrypted", "x")])], { recipients, now: NOW })).rejects.toThrow(
    "means something else to SOPS",
  );
});

test.each([
  "100% of it",
  "a\\b",
  "tab\there",
  "\nlines\n",
  "# no comment",
  " spaces ",
  "null",
  "${HOME}$(id)`id`",
  "{{ x }}{% y %}",
])("%j is the same value in every format", async (text) => {
  const identity = await generateX25519Identity();
  const list = [entry("a", [value("password", text)])];
  expect({ ...parseEnv(writeDotenv(list).bytes.toString()) }).toEqual({ A_PASSWORD: text });
  const { data } = parse(writeK8sSecrets(list).bytes.toString()) as { data: Record<string, string> };
  expect(Buffer.from(data["password"] ?? "", "base64").toString()).toBe(text);
  const { bytes } = await writeSops(list, { recipients: [await identityToRecipient(identity)], now: NOW });
  expect(await openSops(bytes.toString(), identity)).toEqual({ a: { password: text } });
});

test.each([
  ["a\0b", "NUL"],
  ["a\r\nb", "carriage return"],
])("%j, which such a file can't hold, is listed for dotenv and kept by the others", async (text, problem) => {
  const identity = await generateX25519Identity();
  const list = [entry("a", [value("password", text)])];
  const { bytes: lines, notes } = writeDotenv(list);
  expect({ lines: lines.toString(), notes }).toEqual({
    lines: "",
    notes: [{ where: "a", field: "password", what: expect.stringContaining(problem) as unknown }],
  });
  expect(writeK8sSecrets(list).bytes.toString()).toContain(Buffer.from(text).toString("base64"));
  const { bytes } = await writeSops(list, { recipients: [await identityToRecipient(identity)], now: NOW });
  expect(await openSops(bytes.toString(), identity)).toEqual({ a: { password: text } });
});
