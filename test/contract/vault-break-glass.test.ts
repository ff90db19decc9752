import {
  argon2Sync,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { FORMAT_1_FILE, FORMAT_1_KEY, FORMAT_1_PASSPHRASE } from "../fixtures/make-vault-format-1.js";

/** A vault opened by `docs/vault-format.md` alone: nothing of the provider is imported here. */

type Row = Record<string, SQLOutputValue>;
/** What of a credential's body leads to its fields. */
interface Named {
  id: string;
  fields: { id: string; name: string }[];
}

let folder: string;
let db: DatabaseSync;
let meta: Row;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "coffre-break-glass-"));
  const path = join(folder, "coffre.db");
  writeFileSync(path, gunzipSync(readFileSync(FORMAT_1_FILE)));
  db = new DatabaseSync(path, { readOnly: true });
  meta = db.prepare("SELECT vault_id, key_number FROM meta").get() ?? {};
});

afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

function parts(...texts: (SQLOutputValue | undefined)[]): string {
  const shown = texts.map((text) => (typeof text === "number" || typeof text === "string" ? String(text) : undefined));
  return shown.map((text) => (text === undefined ? "-," : `${text.length}:${text},`)).join("");
}

function openSealed(key: Uint8Array, data: string, sealed: Buffer): string {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12)).setAAD(Buffer.from(data));
  decipher.setAuthTag(sealed.subarray(-16));
  return decipher.update(sealed.subarray(12, -16), undefined, "latin1") + decipher.final("latin1");
}

function dataKey(kind: string, slotKeyOf: (salt: Buffer) => Uint8Array): Buffer {
  const slot = db.prepare("SELECT * FROM slot WHERE kind = ?").get(kind) ?? {};
  const data = parts(
    "coffre slot",
    1,
    meta["vault_id"],
    meta["key_number"],
    slot["id"],
    slot["kind"],
    slot["kdf"],
    slot["salt"],
  );
  const slotKey = slotKeyOf(Buffer.from(String(slot["salt"]), "base64url"));
  const wrapped = Buffer.from(String(slot["wrapped"]), "base64url");
  const [once, sealed] = [wrapped.subarray(0, 32), wrapped.subarray(32)];
  const privateDer = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), slotKey]);
  const privateKey = createPrivateKey({ key: privateDer, format: "der", type: "pkcs8" });
  const publicDer = Buffer.concat([Buffer.from("302a300506032b656e032100", "hex"), once]);
  const publicKey = createPublicKey({ key: publicDer, format: "der", type: "spki" });
  const own = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  const shared = diffieHellman({ privateKey, publicKey });
  const wrapKey = Buffer.from(hkdfSync("sha256", shared, Buffer.concat([once, own]), "coffre data key", 32));
  return Buffer.from(openSealed(wrapKey, data, sealed), "latin1");
}

function openBody(data: Buffer, table: string, row: Row, columns: string[]): Record<string, unknown> {
  const info = parts("coffre", 1, meta["vault_id"], meta["key_number"], `seal ${table}`);
  const purpose = Buffer.from(hkdfSync("sha256", data, "", info, 32));
  const key = createHmac("sha256", purpose).update(String(row["id"])).update(Buffer.of(1)).digest();
  const place = ["coffre", 1, meta["vault_id"], meta["key_number"], table, row["id"], row["revision"]];
  const body = Buffer.from(row["body"] as Uint8Array); // a BLOB of the schema
  const text = openSealed(key, parts(...place, ...columns.map((column) => row[column])), body);
  return JSON.parse(Buffer.from(text, "latin1").toString("utf8")) as Record<string, unknown>;
}

test("a passphrase and a key file lead to the same data key", () => {
  const message = Buffer.from(FORMAT_1_PASSPHRASE.normalize("NFC"));
  const argon2id = { message, parallelism: 4, tagLength: 32, memory: 65_536, passes: 3 };
  const byPassphrase = dataKey("passphrase", (nonce) => argon2Sync("argon2id", { ...argon2id, nonce }));
  expect(byPassphrase).toHaveLength(32);
  expect(byPassphrase.equals(byKeyFile())).toBe(true);
});

test("with the data key, names, passwords and fields are read", () => {
  const key = byKeyFile();
  const credentials = db.prepare("SELECT * FROM credential ORDER BY rowid").all();
  const names = credentials.map(
    (row) => openBody(key, "credential", row, ["category_id", "name_index", "mark", "stack", "archived"])["name"],
  );
  expect(names).toEqual(["admin", "orders", "old"]);
  const values = credentials.flatMap(({ id }) =>
    db
      .prepare("SELECT * FROM value WHERE credential_id = ? AND field = 'password' ORDER BY version")
      .all(String(id))
      .map((row) => openBody(key, "value", row, ["credential_id", "field", "version"])["value"]),
  );
  expect(values).toEqual([
    "admin's välue",
    "orders, first value",
    "orders, second value",
    "orders, pending value",
    "archived value",
  ]);
  const columns = ["category_id", "name_index", "mark", "stack", "archived"];
  const { id, fields } = openBody(key, "credential", credentials[0] ?? {}, columns) as unknown as Named; // by docs/vault-format.md
  const place = `${id} ${fields.find(({ name }) => name === "tls.key")?.id ?? ""} 2`;
  const field = db.prepare("SELECT * FROM value WHERE id = ?").get(place) ?? {};
  const { value } = openBody(key, "value", field, ["credential_id", "field", "version"]);
  expect(Buffer.from(String(value), "base64").toString()).toBe("a key, second");
});

function byKeyFile(): Buffer {
  const bytes = Buffer.from(FORMAT_1_KEY.slice("coffre-key-1:".length), "base64url").subarray(0, 32);
  return dataKey("key-file", (salt) => Buffer.from(hkdfSync("sha256", bytes, salt, "coffre key slot", 32)));
}
