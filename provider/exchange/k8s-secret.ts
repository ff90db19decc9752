import { stringify } from "yaml";
import { CoffreError } from "../core/errors.js";
import { type ExchangeEntry, type ExchangeNote, pathText } from "./entry.js";
import { type FlatValue, flatten } from "./flat.js";
import { TakenNames } from "./taken-names.js";

/** Kubernetes refuses a larger one. */
const MOST_BYTES = 1024 * 1024;
const LONGEST_NAME = 253;

/**
 * A Kubernetes Secret for each entry, one YAML document each: named by the path, `Databases/orders-app` becoming
 * `databases-orders-app`, with a key for each field.
 * @throws CoffreError INVALID_INPUT for a path that no name can be made of, for two of one name, and for what is too large
 */
export function writeK8sSecrets(entries: readonly ExchangeEntry[]): { bytes: Buffer; notes: ExchangeNote[] } {
  const { values, notes } = flatten(entries);
  const taken = new TakenNames();
  const byEntry = Map.groupBy(values, ({ entry }) => entry);
  const documents = [...byEntry].map(([{ path }, own]) => {
    const where = pathText(path);
    return {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: taken.take(objectName(path), where) },
      type: "Opaque",
      data: dataOf(where, own),
    };
  });
  return {
    bytes: Buffer.from(documents.map((document) => `---\n${stringify(document, { lineWidth: 0 })}`).join("")),
    notes,
  };
}

function dataOf(where: string, values: readonly FlatValue[]): Record<string, string> {
  // Every name of a field is one that a key may have.
  const data = Object.fromEntries(
    values.map(({ key, type, text }) => [key, type === "file" ? text : Buffer.from(text).toString("base64")]),
  );
  const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.from(text, "base64").length, 0);
  if (bytes <= MOST_BYTES) return data;
  throw new CoffreError("INVALID_INPUT", `${where} is larger than Kubernetes takes a Secret (1 MiB)`, {
    hint: "Export the others with --category. Nothing was written.",
  });
}

function objectName(path: readonly string[]): string {
  const name = path
    .join("-")
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  if (name !== "" && name.length <= LONGEST_NAME) return name;
  const problem =
    name === "" ? "has no letter or digit for the name of a Secret" : "is too long for the name of a Secret";
  throw new CoffreError("INVALID_INPUT", `${pathText(path)} ${problem}`, {
    hint: "Rename it, or export other branches with --category. Nothing was written.",
  });
}
