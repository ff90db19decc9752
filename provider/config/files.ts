import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { Document } from "yaml";
import { CoffreError } from "../core/errors.js";
import { type FileSettings, parseSettings } from "./settings.js";
import { systemCode } from "./system-error.js";
import { yaml } from "./yaml.js";

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

const PROJECT_FILES = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"];
const SHARED_FILE = "coffre.yaml";
const WRITABLE_BY_OTHERS = 0o002;

/** The folder that `~` means. */
export function homeFolder(env: Environment): string {
  return env["HOME"] !== undefined && isAbsolute(env["HOME"]) ? env["HOME"] : homedir();
}

/** The user's own configuration: `$XDG_CONFIG_HOME/coffre/config.yaml`, or the same under `~/.config`. */
export function userConfigurationPath(env: Environment): string {
  const named = env["XDG_CONFIG_HOME"];
  const folder = named !== undefined && isAbsolute(named) ? named : join(homeFolder(env), ".config");
  return join(folder, "coffre", "config.yaml");
}

/** What Coffre remembers of this user's runs: `$XDG_STATE_HOME/coffre`, or the same under `~/.local/state`. */
export function userStateFolder(env: Environment): string {
  const named = env["XDG_STATE_HOME"];
  const folder = named !== undefined && isAbsolute(named) ? named : join(homeFolder(env), ".local", "state");
  return join(folder, "coffre");
}

/** The folder of the Pulumi project that `cwd` is in; `cwd` where there is none. */
export function projectFolder(cwd: string): string {
  return findUp(cwd, PROJECT_FILES) ?? resolve(cwd);
}

/** `coffre.yaml` in the first folder, from `cwd` upwards, that holds it or a Pulumi project. */
export function sharedConfigurationPath(cwd: string): string | undefined {
  const folder = findUp(cwd, [SHARED_FILE, ...PROJECT_FILES]);
  const path = folder === undefined ? undefined : join(folder, SHARED_FILE);
  return path !== undefined && existsSync(path) ? path : undefined;
}

/**
 * The settings of one file; none if it doesn't exist.
 * @throws CoffreError CONFIGURATION that names the file, and the setting or the line
 */
export function readSettings(path: string): FileSettings {
  const document = readDocument(path);
  if (document === undefined) return {};
  const content: unknown = document.toJS() ?? {};
  return parseSettings("file", content, (name) => (name === "" ? path : `${name}: in ${path}`));
}

/** The file as YAML, comments included; `undefined` if it doesn't exist. @throws CoffreError CONFIGURATION */
export function readDocument(path: string): Document.Parsed | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CoffreError("CONFIGURATION", `${path} can't be read (${code})`, { cause: error });
  }
  const { LineCounter, parseDocument } = yaml();
  const lineCounter = new LineCounter();
  // The library's own messages quote the line, which may hold a secret: only its code and the line's number are shown.
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const [wrong] = document.errors;
  if (wrong !== undefined) {
    const { line } = lineCounter.linePos(wrong.pos[0]);
    throw new CoffreError("CONFIGURATION", `${path} isn't valid YAML: line ${line}, ${wrong.code}`);
  }
  return document;
}

/**
 * Refuses a `coffre.yaml` that somebody else could have put there: in a folder such as `/tmp`, which all may write to,
 * and of another owner. It would choose which vault, and which server, a program talks to.
 * @throws CoffreError CONFIGURATION
 */
export function checkTrusted(path: string): void {
  const uid = process.getuid?.(); // Windows has none, nor the bits below
  if (uid === undefined) return;
  const owner = statSync(path).uid;
  const mode = statSync(path).mode | statSync(dirname(path)).mode;
  if (owner === uid || owner === 0 || (mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new CoffreError("CONFIGURATION", `${path} belongs to another user, and stands where all may write`, {
    hint: "Move your project to a folder of your own, or remove that file.",
  });
}

function findUp(cwd: string, names: readonly string[]): string | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (names.some((name) => existsSync(join(folder, name)))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
