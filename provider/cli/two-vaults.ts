import { CoffreError } from "../core/errors.js";
import type { Vault } from "../vault/port.js";
import type { CommandContext } from "./context.js";
import type { CommandInput, OptionDefinition } from "./definition.js";

/** The options by which a command about two vaults is told what opens each. */
export const BOTH_KEYS: readonly OptionDefinition[] = [
  { flags: "--from-key-file <path>", description: "the key file that opens --from" },
  { flags: "--from-passphrase-file <path>", description: "the file with the passphrase that opens --from" },
  { flags: "--from-token-file <path>", description: "the file with the token for the server of --from" },
  { flags: "--to-key-file <path>", description: "the key file that opens --to" },
  { flags: "--to-passphrase-file <path>", description: "the file with the passphrase that opens --to" },
  { flags: "--to-token-file <path>", description: "the file with the token for the server of --to" },
];

/** The vaults of `--from` (default: the one in force) and `--to`. @throws CoffreError INVALID_INPUT without --to; CONFIGURATION, … */
export async function openBoth(
  context: CommandContext,
  { options }: CommandInput,
): Promise<{ source: Vault; destination: Vault }> {
  const to = text(options["to"]);
  if (to === undefined) {
    throw new CoffreError("INVALID_INPUT", "Nothing says where to", {
      hint: "Give --to, with a vault's URL or the name of a configured one.",
    });
  }
  const from = text(options["from"]);
  const keys = (side: string) => ({
    ...fileOption("keyFile", options[`${side}KeyFile`]),
    ...fileOption("passphraseFile", options[`${side}PassphraseFile`]),
    ...fileOption("tokenFile", options[`${side}TokenFile`]),
  });
  const source = await (from === undefined ? context.vault() : context.otherVault(from, keys("from")));
  return { source, destination: await context.otherVault(to, keys("to")) };
}

function fileOption(name: string, value: unknown): Record<string, string> {
  return typeof value === "string" ? { [name]: value } : {};
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);
