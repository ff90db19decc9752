import { CoffreError } from "../../core/errors.js";
import { fileBytes, PASSWORD_FIELD, type FieldType } from "../../core/field.js";
import type { Secret } from "../../core/secret.js";
import { textForms } from "../../core/text-forms.js";
import { DIGEST_LENGTH, digester, LONGEST_COMPARED, SHORTEST_COMPARED } from "../../core/value-digest.js";
import { countDigests, type FoundValue, type ValueQuery } from "../port-compare.js";
import { logEvent, type VaultContext } from "./context.js";
import { pathOf } from "./credential-view.js";
import type { CredentialRow, ReadRows, Rows } from "./rows.js";
import { Tree } from "./tree.js";

/** A shorter line of a value with several is no sign of it. Characters. */
const SHORTEST_LINE = 24;
/** What stands around keys and certificates, whosever they are. */
const PEM_BORDER = /^-----(BEGIN|END) /;

/** The rules of `Vault.findValues`: one event says who compared how much, and with which entries it agreed. */
export async function findValues(rows: Rows, context: VaultContext, query: ValueQuery): Promise<FoundValue[]> {
  const count = countDigests(query);
  const found = await rows.read((tx) => agreeing(valuesByDigest(tx, context, query.key), query.digests));
  const ids = [...new Set(found.map(({ credentialId }) => credentialId))];
  const detail = `${String(count)} digests`;
  await rows.write((tx) => logEvent(tx, context, "values.compared", ids, { detail }));
  return found;
}

/** Millions of texts are looked up among thousands of values, not the other way round. */
function agreeing(values: ReadonlyMap<string, Omit<FoundValue, "digest">[]>, digests: string): FoundValue[] {
  const found = new Map<string, FoundValue[]>();
  for (let at = 0; at < digests.length; at += DIGEST_LENGTH) {
    const digest = digests.slice(at, at + DIGEST_LENGTH);
    const same = values.get(digest);
    if (same)
      found.set(
        digest,
        same.map((value) => ({ digest, ...value })),
      );
  }
  return [...found.values()].flat();
}

/** Of all that the caller may read. */
function valuesByDigest(
  tx: ReadRows,
  { mayRead }: VaultContext,
  key: string,
): Map<string, Omit<FoundValue, "digest">[]> {
  const digest = digester(key);
  const tree = new Tree(tx);
  const byDigest = new Map<string, Omit<FoundValue, "digest">[]>();
  for (const archived of [false, true]) {
    for (const id of tx.credentials({ archived })) {
      const row = tx.glimpse(id);
      if (!row || mayRead?.(row.categoryId) === false) continue;
      const path = pathOf(tree, row);
      const places = placesOf(row);
      const values = tx.values(places.map(({ key: field, version }) => ({ credentialId: id, field, version })));
      for (const [index, { field, version, state, type }] of places.entries()) {
        const value = values[index];
        if (value === undefined || value instanceof CoffreError) continue; // `coffre vault check` speaks of damage
        const place = { credentialId: id, path, field, version, state, ...(archived ? { archived } : {}) };
        for (const one of digestsOfValue(type, value, digest)) byDigest.set(one, [...(byDigest.get(one) ?? []), place]);
      }
    }
  }
  return byDigest;
}

/** Every version that has a value, of the password and of each field that is a secret; removed fields too. */
function placesOf({ versions, fields = [] }: Readonly<CredentialRow>) {
  const password = versions
    .filter(({ valueRemovedAt }) => valueRemovedAt === undefined)
    .map(({ number, state }) => ({ field: PASSWORD_FIELD, key: PASSWORD_FIELD, version: number, state, type: SECRET }));
  const others = fields.flatMap(({ name, id, versions: all }) =>
    all
      .filter(({ type }) => type !== "text")
      .map(({ number, state, type }) => ({ field: name, key: id, version: number, state, type })),
  );
  return [...password, ...others];
}

const SECRET: FieldType = "secret";

function digestsOfValue(type: FieldType, value: Secret, digest: (text: string) => string): string[] {
  const bytes = type === "file" ? fileBytes(value) : Buffer.from(value.reveal());
  return [...new Set(formsOf(bytes))]
    .filter(({ length }) => length >= SHORTEST_COMPARED && length <= LONGEST_COMPARED)
    .map(digest);
}

/** The texts as which a value stands in files: as it is, encoded as a whole, and each line of one that has several. */
function formsOf(bytes: Buffer): string[] {
  const text = bytes.toString("utf8").replace(/\r?\n$/, "");
  if (text.length < SHORTEST_COMPARED) return [];
  const isText = Buffer.from(bytes.toString("utf8")).equals(bytes);
  // `echo value | base64` encodes the line's end, too.
  const encoded = [bytes, Buffer.concat([bytes, Buffer.from("\n")])].flatMap((each) => [
    each.toString("base64"),
    each.toString("base64").replace(/=+$/, ""),
    each.toString("base64url"),
  ]);
  const all = [...encoded, bytes.toString("hex"), bytes.toString("hex").toUpperCase()];
  if (!isText) return all;
  const lines = text.includes("\n") ? text.split(/\r?\n/).map((line) => line.trim()) : [];
  const telling = lines.filter((line) => line.length >= SHORTEST_LINE && !PEM_BORDER.test(line));
  return [text, ...textForms(text), ...all, ...telling];
}
