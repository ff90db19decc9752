import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { readSecretFile } from "../config/index.js";
import { systemCode } from "../config/system-error.js";
import { CoffreError } from "../core/errors.js";
import { checkName } from "../core/name.js";
import type { ExchangeNote } from "../exchange/entry.js";
import type { KdbxKey } from "../exchange/keepass-file.js";
import type { CommandContext } from "./context.js";
import type { CommandInput } from "./definition.js";
import { askHidden, askNewHidden } from "./prompt.js";
import { printable } from "./terminal.js";

/** More than people export: a file is held in memory while it is looked at. */
const LARGEST_BYTES = 256 * 1024 * 1024;

/** The bytes of a file that a person named. @throws CoffreError INVALID_INPUT */
export function readGivenFile(path: string): Buffer {
  try {
    const bytes = readFileSync(resolve(path));
    if (bytes.length <= LARGEST_BYTES) return bytes;
  } catch (error) {
    const code = systemCode(error);
    const problem = code === "ENOENT" ? "doesn't exist" : code === "EISDIR" ? "is a folder" : `can't be read (${code})`;
    throw new CoffreError("INVALID_INPUT", `The file ${path} ${problem}`, { hint: "Check its path and its owner." });
  }
  throw new CoffreError("INVALID_INPUT", `The file ${path} is larger than ${String(LARGEST_BYTES)} bytes`);
}

/**
 * What opens a KeePass file, or is to open it.
 * @param side of the options: `--from-passphrase-file`, `--to-passphrase-file`; a new file's passphrase is typed twice
 * @throws CoffreError INVALID_INPUT if nothing was given and nobody can be asked
 */
export async function keepassKey(
  { terminal }: CommandContext,
  options: CommandInput["options"],
  side: "from" | "to",
): Promise<KdbxKey> {
  const { readKeyFile } = await import("../exchange/keepass-file.js");
  const passphraseFile = options[`${side}PassphraseFile`];
  const keyFile = options[`${side}KeyFile`];
  const key: KdbxKey = typeof keyFile === "string" ? { keyFile: readKeyFile(resolve(keyFile)) } : {};
  if (typeof passphraseFile === "string") {
    return { ...key, passphrase: readSecretFile(resolve(passphraseFile), "passphrase's file") };
  }
  if (key.keyFile !== undefined) return key;
  if (terminal.canAsk) {
    const question = "Passphrase of the KeePass file: ";
    return { passphrase: await (side === "from" ? askHidden(question) : askNewHidden(question)) };
  }
  throw new CoffreError("INVALID_INPUT", `Nothing was given that opens the KeePass file`, {
    hint: `Give --${side}-passphrase-file: a file with its passphrase, mode 0600.`,
  });
}

/** Names of categories, as a person typed them. @throws CoffreError INVALID_INPUT */
export function typedCategories(text: unknown): string[] {
  const names = (typeof text === "string" ? text : "").split("/").filter((name) => name !== "");
  return names.map((name) => checkName("category", name));
}

/** One line for what is held otherwise, or can't be taken. */
export function noteLine({ where, field, what }: ExchangeNote): string {
  return printable(`${where}${field === undefined ? "" : `, ${field}`}: ${what}`);
}

/** A note in `--json`. */
export function noteShape({ where, field, what }: ExchangeNote): { where: string; field: string | null; what: string } {
  return { where, field: field ?? null, what };
}
