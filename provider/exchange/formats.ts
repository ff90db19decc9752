import { CoffreError } from "../core/errors.js";
import { readBitwardenJson } from "./bitwarden-json.js";
import { readChromeCsv } from "./chrome-csv.js";
import { readJson } from "./json.js";
import { readLockselfCsv } from "./lockself-csv.js";

/** What `coffre import` reads from a file's bytes; a KeePass file is a vault, and read as one. */
export const TEXT_FORMATS = {
  "lockself-csv": readLockselfCsv,
  "bitwarden-json": readBitwardenJson,
  "chrome-csv": readChromeCsv,
  json: readJson,
} as const;

export const IMPORT_FORMATS = ["lockself-csv", "keepass", "bitwarden-json", "chrome-csv", "json"] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];
export const EXPORT_FORMATS = ["lockself-csv", "kdbx", "json", "dotenv", "k8s-secret", "sops-age"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
/** Those that only hold what is in force. */
export const FLAT_FORMATS: ReadonlySet<ExportFormat> = new Set(["dotenv", "k8s-secret", "sops-age"]);

/** @throws CoffreError INVALID_INPUT that names those that there are */
export function parseFormat<Format extends string>(text: unknown, formats: readonly Format[]): Format {
  const found = formats.find((format) => format === text);
  if (found !== undefined) return found;
  const problem = text === undefined ? "Nothing says which format it is" : "There is no format of that name";
  throw new CoffreError("INVALID_INPUT", problem, { hint: `Give --format: ${formats.join(", ")}.` });
}
