import { existsSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { readSettings } from "../../config/files.js";
import {
  isRemote,
  type LockselfUrl,
  parseVaultUrl,
  type ServerUrl,
  userConfigurationPath,
} from "../../config/index.js";
import { writeUserConfiguration } from "../../config/write.js";
import { CoffreError } from "../../core/errors.js";
import { checkVaultName } from "../../core/reference.js";
import { createEmbeddedVault } from "../../vault/embedded/create.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { KEY_HOLDER_READS_ALL } from "../describe.js";
import { makeServerVault } from "../make-server-vault.js";
import { REFUSED_SECRET_OPTIONS, refuseSecretOptions } from "../usage.js";
import { chooseKey } from "./vault-new-key.js";

const DEFAULT_NAME = "main";

export const vaultInit: CommandDefinition = {
  name: "vault init",
  summary: "make a new vault and the key that opens it",
  description: [
    "Makes an encrypted vault in one file, and a key file that opens it. Nothing else ever makes a vault: a wrong path can't turn into an empty one. Existing files are never overwritten.",
    "With a URL of HashiCorp Vault or OpenBao (`vault+https://host/mount`) it makes an empty vault in that mount, which has to be there already, by the login that is configured; it makes no key.",
    "With a URL of LockSelf (`lockself+https://host/Space`) it makes an empty vault in that shared space or category, and the category where it isn't there yet.",
    "The vault goes to the URL that is configured (--vault, COFFRE_URL, the stack's coffre:url, coffre.yaml), else to the user's data folder. The key goes to --key-file, else beside the user's configuration: never beside the vault, so that a copy of one isn't a copy of both. Unless another vault is the user's default already, the new one becomes it, and later commands find both.",
  ],
  options: [
    {
      flags: "--name <name>",
      description: `the vault's own name, which stands in references (default ${DEFAULT_NAME})`,
    },
    { flags: "--ask-passphrase", description: "a passphrase, typed twice, instead of a key file" },
    { flags: "--set-default", description: "make it the user's default, though another one is" },
    { flags: "--no-set-default", description: "leave the user's configuration alone" },
    ...REFUSED_SECRET_OPTIONS.filter(({ flags }) => !flags.startsWith("--key ")),
  ],
  examples: [
    { command: "coffre vault init --name prod", does: "in the user's folders, as the default" },
    {
      command: "coffre vault init --name prod --vault file:///srv/coffre/prod.db --key-file /etc/coffre/prod.key",
      does: "at places of your own, for a runner",
    },
    { command: "coffre vault init --ask-passphrase", does: "opened by a passphrase" },
    {
      command: "coffre vault init --name prod --vault 'vault+https://vault.example.com/secret'",
      does: "in a KV version 2 mount of Vault or OpenBao; COFFRE_TOKEN_FILE names the token",
    },
  ],
  json: "An object: `vault` (name), `id`, `url`, `file`, `keyFile` (both `null` on a server, the latter also with a passphrase), `keyMade`, `found` (whether later commands find it without flags).",
  exits: [{ code: 5, when: "there is a file, or a vault, already" }],
  async run(context, { options }) {
    refuseSecretOptions(options, "--passphrase-file");
    const { terminal } = context;
    const name = checkVaultName(typeof options["name"] === "string" ? options["name"] : DEFAULT_NAME);
    const url = chooseUrl(context, name);
    if (url.scheme === "kdbx") {
      throw new CoffreError("NOT_SUPPORTED", "A KeePass file is only read, and no vault is made in one", {
        hint: "`coffre export --format kdbx` writes one. Give --vault file:///… for a vault.",
      });
    }
    if (isRemote(url)) {
      throw new CoffreError("NOT_SUPPORTED", "A vault behind `coffre serve` is made on its server", {
        hint: "Run `coffre vault init` there, with a file's URL, and then `coffre serve`.",
      });
    }
    if (url.scheme !== "file") return makeOnServer(context, options, url, name);
    if (existsSync(url.path)) {
      throw new CoffreError("CONFLICT", `There is a file at ${url.path} already`, {
        hint: "A vault is never overwritten. Choose another --name or --vault; `coffre doctor` shows what is configured.",
      });
    }
    const { key, keyFile, keyMade } = await chooseKey(context, name, options);
    const { actor, clock, user: label } = context;
    const identity = await createEmbeddedVault({ path: url.path, name, key, label, actor, clock }).catch(
      (error: unknown) => {
        // A key without a vault would only be in the way of the next try.
        if (keyMade && keyFile !== undefined) rmSync(keyFile, { force: true });
        throw error;
      },
    );

    const transitKey = "transit" in key ? context.configuration().transitKey?.href : undefined;
    const place = { url: url.href, keyFile, transitKey };
    configure(context, options, place);
    const found = isFound(context, place);
    if (context.json) {
      terminal.json({
        vault: name,
        id: identity.id,
        url: url.href,
        file: url.path,
        keyFile: keyFile ?? null,
        keyMade,
        found,
      });
      return;
    }
    terminal.print(`The vault ${terminal.style("bold", name)} is made.`);
    terminal.print(`  vault  ${url.path}`);
    if (keyFile !== undefined) terminal.print(`  key    ${keyFile}${keyMade ? " (new, mode 0600)" : ""}`);
    terminal.note(
      keyFile === undefined
        ? `Without ${"transit" in key ? "the transit key" : "the passphrase"} nobody opens it: there is no other way in.`
        : `Keep a copy of the key in another place than the vault: without it nobody opens the vault.`,
    );
    terminal.note(KEY_HOLDER_READS_ALL);
    const passphrase = options["askPassphrase"] === true ? undefined : context.configuration().key;
    const variables = [
      `COFFRE_URL=${url.href}`,
      ...(keyFile === undefined ? [] : [`COFFRE_KEY_FILE=${keyFile}`]),
      ...(transitKey === undefined ? [] : [`COFFRE_TRANSIT_KEY='${transitKey}'`]),
      ...(passphrase?.kind === "passphrase" && passphrase.file !== undefined
        ? [`COFFRE_PASSPHRASE_FILE=${passphrase.file}`]
        : []),
    ];
    terminal.note(
      found
        ? "Later commands find both by the configuration: `coffre doctor` shows it."
        : `Another vault is configured here. Later commands find this one with: export ${variables.join(" ")}`,
    );
  },
};

/** On a server: what opens it is a login there, so that no key is made. */
async function makeOnServer(
  context: CommandContext,
  options: CommandInput["options"],
  url: ServerUrl | LockselfUrl,
  name: string,
): Promise<void> {
  const { terminal } = context;
  const { id } = await makeServerVault(context, url, name);
  configure(context, options, { url: url.href });
  const found = context.configuration({ flags: false }).url?.href === url.href;
  if (context.json) {
    terminal.json({ vault: name, id, url: url.href, file: null, keyFile: null, keyMade: false, found });
    return;
  }
  terminal.print(`The vault ${terminal.style("bold", name)} is made.`);
  terminal.print(`  vault  ${url.href}`);
  terminal.note(
    "mount" in url
      ? "Who may read what is decided by the server's policies: `coffre vault policies` prints them."
      : "Who may read what is decided by LockSelf: by whom the category is shared with.",
  );
  terminal.note(
    found
      ? "Later commands find it by the configuration: `coffre doctor` shows it."
      : `Another vault is configured here. Later commands find this one with: export COFFRE_URL='${url.href}'`,
  );
}

interface Place {
  url: string;
  keyFile?: string | undefined;
  transitKey?: string | undefined;
}

/** The configured URL, unless it is the user's default, which is another vault's; else a file in the data folder. */
function chooseUrl(context: CommandContext, name: string) {
  const { url, sources } = context.configuration();
  if (url !== undefined && sources.url !== userConfigurationPath(context.env)) return url;
  const home = context.env["HOME"] || homedir();
  const named = context.env["XDG_DATA_HOME"];
  const data = named !== undefined && isAbsolute(named) ? named : join(home, ".local", "share");
  const path = join(data, "coffre", `${name}.db`);
  return parseVaultUrl(`file://${path.split("/").map(encodeURIComponent).join("/")}`, { folder: data, home });
}

/** Makes it the user's default where that was asked for, or where there is none yet. */
function configure(context: CommandContext, options: CommandInput["options"], place: Place): void {
  if (options["setDefault"] === false) return;
  const another = readSettings(userConfigurationPath(context.env)).url;
  if (another !== undefined && options["setDefault"] !== true) return;
  const { url, keyFile, transitKey } = place;
  const key = transitKey === undefined ? (keyFile === undefined ? {} : { keyFile }) : { transitKey };
  writeUserConfiguration({ url, ...key }, context.env);
}

/** Whether a later command, without this one's flags, comes to the same vault and key. */
function isFound(context: CommandContext, { url, keyFile, transitKey }: Place): boolean {
  const later = context.configuration({ flags: false });
  return later.url?.href === url && later.key?.file === keyFile && later.transitKey?.href === transitKey;
}
