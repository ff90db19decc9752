import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoffreError } from "../core/errors.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** The most bytes of a text that comes back: metadata is short. */
const LARGEST_BYTES = 1_048_576;
const FALLBACK = "vi";

/** The editor that the user chose, if any. */
export function namedEditor(environment: Environment): string | undefined {
  return environment["VISUAL"] || environment["EDITOR"] || undefined;
}

/**
 * Lets a person change a text in `$VISUAL`, `$EDITOR` or vi. It lies in a folder that only this user may open, and is
 * removed however this ends.
 * @returns what was saved. @throws CoffreError INVALID_INPUT if there is no editor, or it fails
 */
export async function editText(text: string, environment: Environment): Promise<string> {
  const editor = namedEditor(environment) ?? FALLBACK;
  const folder = await mkdtemp(join(tmpdir(), "coffre-edit-"));
  try {
    const path = join(folder, "credential.yaml");
    await writeFile(path, text, { mode: 0o600, flag: "wx" });
    const code = await run(editor, path, environment);
    if (code !== 0) {
      throw new CoffreError("INVALID_INPUT", `The editor ended with ${String(code)}, and nothing was changed`, {
        hint: "Set EDITOR to one that is installed, or change it by options: `coffre edit --help`.",
      });
    }
    const saved = await readFile(path);
    if (saved.length > LARGEST_BYTES) throw new CoffreError("INVALID_INPUT", "What was saved is too long");
    return saved.toString("utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** By the shell, since people set editors with arguments (`code --wait`). */
function run(editor: string, path: string, environment: Environment): Promise<number | null> {
  // An editor has no business with what opens the vault.
  const env = Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("COFFRE_")));
  return new Promise((done, fail) => {
    const child = spawn("sh", ["-c", `${editor} "$1"`, "sh", path], { stdio: "inherit", env });
    child.on("error", fail);
    child.on("close", (code) => done(code));
  });
}
