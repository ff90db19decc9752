import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { CoffreError } from "../core/errors.js";
import { readDocument, readSettings, userConfigurationPath } from "./files.js";
import type { Environment } from "./files.js";
import { type FileSettings, parseSettings } from "./settings.js";
import { systemCode } from "./system-error.js";
import { yaml } from "./yaml.js";
import { makeFolder } from "../core/make-folder.js";

/** What opens a vault: two of them at one place contradict, so that a new one takes the other's place. */
const OPENS: readonly string[] = ["keyFile", "passphraseFile", "transitKey"];

/**
 * Sets what is given in the user's configuration and keeps the rest, comments included. The file is replaced as a whole
 * (mode 0600), never half written; one that can't be understood is left alone.
 * @returns the path of the file. @throws CoffreError CONFIGURATION
 */
export function writeUserConfiguration(patch: FileSettings, env: Environment): string {
  const path = userConfigurationPath(env);
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  const opens = given.some(([name]) => OPENS.includes(name)) ? OPENS.filter((name) => !(name in patch)) : [];
  const before = Object.entries(readSettings(path)).filter(([name]) => !opens.includes(name));
  const after = { ...Object.fromEntries(before), ...Object.fromEntries(given) };
  parseSettings("file", after, (name) => `${name}: for ${path}`);
  const document = readDocument(path) ?? new (yaml().Document)({});
  for (const name of opens) document.delete(name);
  for (const [name, value] of given) document.set(name, value);
  try {
    replaceFile(path, document.toString());
  } catch (error) {
    const code = systemCode(error);
    throw new CoffreError("CONFIGURATION", `${path} can't be written (${code})`, { cause: error });
  }
  return path;
}

function replaceFile(path: string, text: string): void {
  makeFolder(dirname(path));
  const target = followLink(path);
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const descriptor = openSync(temporary, "wx", 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  // Without this a power cut could bring back the folder as it was before the rename.
  const folder = openSync(dirname(target), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** A link from a folder of dotfiles stays a link: what it points to is replaced. */
function followLink(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
