import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { resolve } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { checkFieldValue, type FieldType, fileValue, LARGEST_BYTES, textValue, tooLarge } from "../../core/field.js";
import { Secret } from "../../core/secret.js";
import { type DepositSource, type ReadSource, sourceText } from "./source.js";

/** A value that is to be read, as messages name it: the resource, and the field if it isn't the password. */
export interface SourceOf {
  /** The credential's name. */
  credential: string;
  /** Missing for the password. */
  field?: string;
  type: FieldType;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads a value from the file or the variable that a declaration names. Text loses one line end at its end. A relative
 * path starts at the project's folder, in which the plugin runs.
 * @throws CoffreError CONFIGURATION if there is nothing to read, INVALID_INPUT for what can't be such a value; both name
 * resource, field and source, and nothing of the value
 */
export async function readSource(
  environment: Environment,
  what: SourceOf,
  source: Exclude<ReadSource, DepositSource>,
): Promise<Secret> {
  const said = `${labelOf(what)}: the ${sourceText(source)}`;
  const value =
    "file" in source
      ? await readFileSource(said, source.file, what.type)
      : readEnvSource(said, source.env, environment, what.type);
  return checkFieldValue(said, what.type, value);
}

/** `Credential smtp, field token`. */
export function labelOf({ credential, field }: Pick<SourceOf, "credential" | "field">): string {
  return field === undefined ? `Credential ${credential}` : `Credential ${credential}, field ${field}`;
}

function readEnvSource(said: string, name: string, environment: Environment, type: FieldType): Secret {
  const value = environment[name];
  if (value !== undefined) return type === "file" ? fileValue(Buffer.from(value)) : new Secret(value);
  throw new CoffreError("CONFIGURATION", `${said} isn't set`, {
    hint: "Set it where Pulumi runs; it is read at creation and when the revision changes, and not asked for otherwise.",
  });
}

async function readFileSource(said: string, path: string, type: FieldType): Promise<Secret> {
  let file: FileHandle | undefined;
  try {
    // Without waiting for a writer, should it be a pipe.
    file = await open(resolve(path), constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw unreadable(said, "isn't a file");
    if (stat.size > LARGEST_BYTES[type]) throw tooLarge(said, type);
    const bytes = await file.readFile();
    return type === "file" ? fileValue(bytes) : textValue(said, bytes);
  } catch (error) {
    if (error instanceof CoffreError) throw error;
    const { code = "unknown" } = error as NodeJS.ErrnoException; // what the file system throws
    throw unreadable(said, code === "ENOENT" ? "doesn't exist" : `can't be read (${code})`);
  } finally {
    await file?.close();
  }
}

function unreadable(said: string, problem: string): CoffreError {
  return new CoffreError("CONFIGURATION", `${said} ${problem}`, {
    hint: "A relative path starts at the folder of Pulumi.yaml. It is read at creation and when the revision changes, and not asked for otherwise.",
  });
}
