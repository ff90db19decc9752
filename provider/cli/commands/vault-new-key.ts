import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { userConfigurationPath } from "../../config/index.js";
import { makeFolder } from "../../core/make-folder.js";
import { CoffreError } from "../../core/errors.js";
import { newKeyText, writeKeyFile } from "../../vault/embedded/key-file.js";
import type { VaultKey } from "../../vault/embedded/slots.js";
import type { CommandContext } from "../context.js";
import type { CommandInput } from "../definition.js";
import { askNewHidden } from "../prompt.js";

/**
 * The key of a vault that is about to be made: what flags or environment name, else a new key file beside the user's
 * configuration. @param name of that file @throws CoffreError INVALID_INPUT, CONFLICT, READ_ONLY, CONFIGURATION
 */
export async function chooseKey(
  context: CommandContext,
  name: string,
  options: CommandInput["options"],
): Promise<{ key: VaultKey; keyFile: string | undefined; keyMade: boolean }> {
  if (options["askPassphrase"] === true) {
    if (!context.terminal.canAsk) {
      throw new CoffreError("INVALID_INPUT", "--ask-passphrase needs a terminal", {
        hint: "Give --passphrase-file, or let a key file be made.",
      });
    }
    const passphrase = await askNewHidden("New passphrase (12 characters at least; five random words are good): ");
    return { key: { passphrase }, keyFile: undefined, keyMade: false };
  }
  const { key: configured, transitKey } = context.configuration();
  if (transitKey !== undefined && transitKey.source !== userConfigurationPath(context.env)) {
    const transit = await context.configuredTransitKey();
    if (transit) return { key: { transit }, keyFile: undefined, keyMade: false };
  }
  const own = configured?.source === userConfigurationPath(context.env) ? undefined : configured;
  if (own?.kind === "passphrase") return { key: { passphrase: own.read() }, keyFile: undefined, keyMade: false };
  if (own !== undefined && own.file === undefined)
    return { key: { keyText: own.read() }, keyFile: undefined, keyMade: false };
  const keyFile = own?.file ?? join(dirname(userConfigurationPath(context.env)), `${name}.key`);
  if (own !== undefined && existsSync(keyFile)) return { key: { keyText: own.read() }, keyFile, keyMade: false };
  const keyText = newKeyText();
  makeFolderIfPossible(dirname(keyFile));
  writeKeyFile(keyFile, keyText);
  return { key: { keyText }, keyFile, keyMade: true };
}

function makeFolderIfPossible(folder: string): void {
  try {
    makeFolder(folder);
  } catch {
    // What writes into it says what is wrong with it.
  }
}
