import { existsSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { readSecretFile } from "../../config/index.js";
import { CoffreError } from "../../core/errors.js";
import { newKeyText, readKeyFile, writeKeyFile } from "../../vault/embedded/key-file.js";
import type { VaultKey } from "../../vault/embedded/slots.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { KEY_HOLDER_READS_ALL } from "../describe.js";
import { askNewHidden } from "../prompt.js";
import { REFUSED_SECRET_OPTIONS, refuseSecretOptions } from "../usage.js";

export const vaultKeyAdd: CommandDefinition = {
  name: "vault key add",
  summary: "let one more key open the vault",
  description: [
    "Adds a key slot: one more key, of a person or a runner, that opens the vault. A key file is made, mode 0600, unless it is there already (one key may open several vaults); or a passphrase is asked for; or the slot's key is wrapped by a key in the transit engine of OpenBao or HashiCorp Vault, which never leaves it: opening the vault is then a request to that server, by the login that is configured. The vault is opened by the key that is configured, as always.",
    "A key in a safe, apart from the vault, is the way back in when the other one is lost.",
  ],
  arguments: [{ name: "<label>", description: "whose or what for: it stands in the list and in the event log" }],
  options: [
    { flags: "--new-key-file <path>", description: "where the new key goes, or the key file that is to be added" },
    { flags: "--new-passphrase-file <path>", description: "a file with the new passphrase" },
    { flags: "--ask-passphrase", description: "a passphrase, typed twice" },
    {
      flags: "--new-transit-key <url>",
      description: "a key in a server's transit engine: vault+https://host:8200/<mount>?key=<name>",
    },
    ...REFUSED_SECRET_OPTIONS,
  ],
  examples: [
    { command: "coffre vault key add break-glass --new-key-file /media/safe/prod.key", does: "one for the safe" },
    { command: "coffre vault key add ana --ask-passphrase", does: "one for a person" },
    {
      command: "coffre vault key add runners --new-transit-key 'vault+https://vault.example.com/transit?key=coffre'",
      does: "one that a server keeps; COFFRE_TOKEN_FILE names the token",
    },
  ],
  json: "An object: `id`, `label`, `kind` (key-file, passphrase, transit), `createdAt`, `keyFile` (`null` for another kind), `keyMade`.",
  exits: [{ code: 5, when: "the label is taken" }],
  async run(context, { args: [label = ""], options }) {
    refuseSecretOptions(options, "--new-passphrase-file");
    const { terminal } = context;
    const vault = await context.embeddedVault();
    await vault.identity(); // before a person types a passphrase, or a file is made
    const kinds = ["newKeyFile", "newPassphraseFile", "askPassphrase", "newTransitKey"];
    const given = kinds.filter((name) => options[name] !== undefined);
    if (given.length !== 1) {
      throw new CoffreError("INVALID_INPUT", "It has to be said which kind of key it is", {
        hint: "Give one of --new-key-file <path>, --new-passphrase-file <path>, --ask-passphrase, --new-transit-key <url>.",
      });
    }
    const { key, keyFile, keyMade } = await chooseNewKey(context, options);
    const slot = await vault.addSlot({ label, key }).catch((error: unknown) => {
      if (keyMade && keyFile !== undefined) rmSync(keyFile, { force: true }); // a key that opens nothing
      throw error;
    });
    if (context.json) {
      terminal.json({ ...slot, keyFile: keyFile ?? null, keyMade });
      return;
    }
    terminal.print(`The key ${terminal.style("bold", slot.label)} opens the vault.`);
    if (keyMade && keyFile !== undefined) terminal.print(`  key  ${keyFile} (new, mode 0600)`);
    terminal.note(KEY_HOLDER_READS_ALL);
  },
};

async function chooseNewKey(
  context: CommandContext,
  options: CommandInput["options"],
): Promise<{ key: VaultKey; keyFile: string | undefined; keyMade: boolean }> {
  const { newKeyFile, newPassphraseFile, newTransitKey } = options;
  if (typeof newTransitKey === "string") {
    const transit = await context.transitKey(newTransitKey, "flag --new-transit-key");
    return { key: { transit }, keyFile: undefined, keyMade: false };
  }
  if (typeof newKeyFile === "string") {
    const keyFile = resolve(newKeyFile);
    if (existsSync(keyFile)) return { key: { keyText: readKeyFile(keyFile) }, keyFile, keyMade: false };
    const keyText = newKeyText();
    writeKeyFile(keyFile, keyText);
    return { key: { keyText }, keyFile, keyMade: true };
  }
  if (typeof newPassphraseFile === "string") {
    const passphrase = readSecretFile(resolve(newPassphraseFile), "passphrase's file");
    return { key: { passphrase }, keyFile: undefined, keyMade: false };
  }
  if (!context.terminal.canAsk) {
    throw new CoffreError("INVALID_INPUT", "--ask-passphrase needs a terminal", {
      hint: "Give --new-passphrase-file.",
    });
  }
  const passphrase = await askNewHidden("New passphrase (12 characters at least; five random words are good): ");
  return { key: { passphrase }, keyFile: undefined, keyMade: false };
}
