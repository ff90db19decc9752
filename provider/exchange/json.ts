import * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { checkFieldValue, describeFieldNameProblem, FIELD_TYPES, PASSWORD_FIELD } from "../core/field.js";
import { isCoffreError } from "../core/errors.js";
import { describeNameProblem } from "../core/name.js";
import { Secret } from "../core/secret.js";
import type { Category, VaultIdentity } from "../vault/port.js";
import { type ExchangeEntry, type ExchangeFile, newExchangeFile, pathText } from "./entry.js";
import { decodeText } from "./text.js";

const FORMAT = "coffre-export";
const NEWEST = 1;

const Version = z.strictObject({ type: z.enum(FIELD_TYPES), value: z.string(), at: z.string().optional() });
const Path = z.array(z.string().refine((name) => describeNameProblem(name) === undefined)).min(1);
const Entry = z.strictObject({
  path: Path,
  username: z.string().optional(),
  url: z.string().optional(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  values: z.array(
    z.strictObject({
      field: z.string().refine((name) => name === PASSWORD_FIELD || describeFieldNameProblem(name) === undefined),
      isCurrent: z.boolean(),
      versions: z.array(Version).min(1),
    }),
  ),
});

/** Coffre's own format: `docs/exchange.md`. */
const Document = z.strictObject({
  format: z.literal(FORMAT),
  version: z.int(),
  vault: z.strictObject({ id: z.string(), name: z.string() }),
  exportedAt: z.string(),
  categories: z.array(z.strictObject({ path: Path, description: z.string().optional() })),
  entries: z.array(Entry),
});

/** Everything of entries that a file can hold. */
export function writeJson(
  { id, name }: Pick<VaultIdentity, "id" | "name">,
  exportedAt: Date,
  categories: readonly Category[],
  entries: readonly ExchangeEntry[],
): Buffer {
  const document: z.input<typeof Document> = {
    format: FORMAT,
    version: NEWEST,
    vault: { id, name },
    exportedAt: exportedAt.toISOString(),
    categories: categories.map(({ path, description }) => ({
      path,
      ...(description === undefined ? {} : { description }),
    })),
    entries: entries.map(({ origin: _origin, values, ...texts }) => ({
      ...texts,
      values: values.map(({ field, isCurrent, versions }) => ({
        field,
        isCurrent,
        versions: versions.map(({ type, value, at }) => ({
          type,
          value: value.reveal(),
          ...(at === undefined ? {} : { at }),
        })),
      })),
    })),
  };
  return Buffer.from(`${JSON.stringify(document, undefined, 1)}\n`);
}

/** @throws CoffreError INVALID_INPUT; NEWER_FORMAT for what a later release wrote */
export function readJson(bytes: Uint8Array, what: string): ExchangeFile {
  let json: unknown;
  try {
    json = JSON.parse(decodeText(bytes, what));
  } catch (error) {
    if (error instanceof CoffreError) throw error;
    throw refused(what, "isn't JSON");
  }
  const head = z.looseObject({ format: z.literal(FORMAT), version: z.int() }).safeParse(json);
  if (!head.success) throw refused(what, "isn't an export of Coffre");
  if (head.data.version > NEWEST) {
    throw new CoffreError("NEWER_FORMAT", `The file ${what} was written by a later release`, {
      hint: "Import it with that release.",
    });
  }
  const parsed = Document.safeParse(json);
  if (!parsed.success) {
    const place = parsed.error.issues[0]?.path.filter(
      (part) => typeof part === "number" || /^[A-Za-z]{1,20}$/.test(String(part)),
    );
    throw refused(what, `isn't as Coffre writes it, at ${place?.join(".") ?? "its beginning"}`);
  }
  const file = newExchangeFile();
  for (const { path, description } of parsed.data.categories)
    if (description) file.categories.push({ path, description });
  for (const { values, ...texts } of parsed.data.entries) {
    const { username, url, description, ...others } = texts;
    const origin = pathText(texts.path);
    file.entries.push({
      origin,
      ...others,
      ...(username === undefined ? {} : { username }),
      ...(url === undefined ? {} : { url }),
      ...(description === undefined ? {} : { description }),
      values: values.map(({ field, isCurrent, versions }) => ({
        field,
        isCurrent,
        versions: versions.map(({ type, value, at }) => ({
          type,
          value: checked(file, origin, field, type, value),
          ...(at === undefined ? {} : { at }),
        })),
      })),
    });
  }
  return file;
}

function checked(
  file: ExchangeFile,
  where: string,
  field: string,
  type: (typeof FIELD_TYPES)[number],
  text: string,
): Secret {
  const value = new Secret(text);
  try {
    return checkFieldValue("it", type, value);
  } catch (error) {
    if (!isCoffreError(error, "INVALID_INPUT")) throw error;
    file.problems.push({ where, field, what: error.problem });
    return value;
  }
}

function refused(what: string, problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `The file ${what} ${problem}`, {
    hint: "`coffre export --format json` writes it. Nothing was changed.",
  });
}
