import { readSecretFile } from "../../config/secret-file.js";
import { isRemote } from "../../config/remote-url.js";
import { CoffreError } from "../../core/errors.js";
import { parseInstant } from "../../core/instant.js";
import { checkPublicUrl } from "../../core/public-url.js";
import type { Secret } from "../../core/secret.js";
import { DAY_MS, DEFAULT_TRANSFER_DAYS, newTransferPassword } from "../../core/transfer.js";
import type { Transfer, TransferInput } from "../../vault/port.js";
import { collect } from "../../core/collect.js";
import { findTypedCategory } from "../category.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { dateText } from "../describe.js";
import { parseCount } from "../reference.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const send: CommandDefinition = {
  name: "send",
  summary: "send files by a link that expires",
  description: [
    "Puts files into the vault and prints a link. Whoever has it downloads them from a page of `coffre serve`, until the transfer expires or its downloads are used; then the files are removed, and what they were, with their SHA-256, stays in the log.",
    "With --to the link goes by mail to these addresses, as soon as a `coffre serve --mail-host` runs on the vault; without, hand it over yourself. It is printed once, and can't be found in the vault afterwards: only a digest of it is kept.",
    "--password draws one, which the page asks for; it is printed once, and never in the mail: tell it by another way. Ten wrong ones in a row lock the transfer.",
    "--end-to-end encrypts each file here, by age, for a new key that stands in the link behind the # and nowhere else: the vault and its server never see it, nor what the files hold, and no scanner can look inside. The page decrypts in the receiver's browser, or the program age does. Names, sizes and the message stay readable to the server. Mail of --to has the link without the key: hand that over yourself.",
  ],
  arguments: [{ name: "<file...>", description: "files of this machine" }],
  options: [
    { flags: "--to <address...>", description: "e-mail addresses of those who are told" },
    { flags: "--expires <time>", description: "2026-12-31T18:00:00Z, or from now: 12h, 7d (default 7d; 366d at most)" },
    { flags: "--max-downloads <number>", description: "how often each file may be downloaded (default: any number)" },
    { flags: "--password", description: "draw a password, which the page asks for" },
    { flags: "--password-file <file>", description: "take it from a file, in one line" },
    { flags: "--end-to-end", description: "encrypt for a key that only the link has" },
    { flags: "--message <text>", description: "for the receivers: in the mail and on the page" },
    { flags: "--from <name>", description: "who sends, as receivers read it (default: user and machine)" },
    { flags: "--category <path>", description: "where it stands: whose grants say who may end it (default: the root)" },
    {
      flags: "--public-url <url>",
      description: "where people reach `coffre serve` (default: where the vault is; needed for a vault in a file)",
    },
  ],
  examples: [
    {
      command: "coffre send report.pdf --to bo@example.com --max-downloads 1",
      does: "one file, once, for a week",
    },
    {
      command: "coffre send *.csv --expires 12h --password --public-url https://vault.example.com",
      does: "with a password, from the vault's own machine",
    },
    {
      command: "coffre send report.pdf --end-to-end --public-url https://vault.example.com",
      does: "what the server must not be able to read",
    },
  ],
  json: "An object: `id`, `url`, `password` and `key` (null without), `from`, `to`, `expiresAt`, `maxDownloads` (null without a limit), `files`: `name`, `size` (bytes), `sha256`.",
  exits: [
    { code: 2, when: "a file that isn't there, two of one name, or an option that can't be right" },
    { code: 3, when: "there is no such category" },
  ],
  async run(context, { args, options }) {
    const { newSeal, outgoingFiles, sendFiles } = await import("../../vault/send-files.js");
    // All that can be wrong here is told before the vault is opened.
    const files = outgoingFiles(args);
    const password = passwordOf(options);
    const page = pageOf(context, textOf(options, "publicUrl"));
    const expiresAt = expiryOf(textOf(options, "expires"), context.clock.now());
    const { to, maxDownloads } = options;
    const message = textOf(options, "message");
    const seal = options["endToEnd"] === true ? await newSeal() : undefined;
    const vault = await context.vault();
    const input: TransferInput = {
      categoryId: await categoryOf(context, textOf(options, "category")),
      from: textOf(options, "from") ?? context.user,
      expiresAt,
      ...(Array.isArray(to) ? { to: to.map(String) } : {}),
      ...(message === undefined ? {} : { message }),
      ...(maxDownloads === undefined ? {} : { maxDownloads: parseCount("--max-downloads", maxDownloads) }),
      ...(password === undefined ? {} : { password }),
      ...(seal === undefined ? {} : { encryptedFor: seal.recipient }),
    };
    const { transfer, link } = await sendFiles(vault, {
      files,
      input,
      signal: context.signal,
      progress: ({ name, size }, done) =>
        context.terminal.status(`${printable(name)} ${size === 0 ? 100 : Math.floor((done / size) * 100)} %`),
    });
    const fragment = seal === undefined ? "" : `#${seal.key.reveal()}`;
    tell(context, transfer, { url: `${page}/transfers/${link.reveal()}${fragment}`, password, key: seal?.key });
  },
};

/** The link on stdout, and the receipt beside it. */
function tell(
  { terminal, json }: CommandContext,
  transfer: Transfer,
  { url, password, key }: { url: string; password: Secret | undefined; key: Secret | undefined },
): void {
  const { id, from, to, expiresAt, maxDownloads, files } = transfer;
  if (json) {
    const shown = files.map(({ name, size, sha256 }) => ({ name, size, sha256 }));
    const [word, opens, most] = [password?.reveal() ?? null, key?.reveal() ?? null, maxDownloads ?? null];
    terminal.json({ id, url, password: word, key: opens, from, to, expiresAt, maxDownloads: most, files: shown });
    return;
  }
  terminal.print(url);
  if (password) terminal.print(`Password: ${password.reveal()}`);
  for (const line of columns(
    files.map(({ name, size = 0, sha256 = "" }) => [printable(name), `${size} bytes`, sha256]),
  ))
    terminal.note(line);
  const times = maxDownloads === undefined ? "" : `, ${maxDownloads} downloads of each file`;
  terminal.note(`Until ${dateText(expiresAt)}${times}. ${id} names it in \`coffre events\`.`);
  const without =
    key === undefined ? "" : " It has the link without its key: hand the key over, from AGE-SECRET-KEY-1 on.";
  terminal.note(
    to.length > 0
      ? `Mail to ${to.map(printable).join(", ")} is booked.${without}`
      : "Nobody was told: hand the link over.",
  );
}

function textOf(options: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

function passwordOf({ password, passwordFile }: Readonly<Record<string, unknown>>): Secret | undefined {
  if (typeof passwordFile === "string") return readSecretFile(passwordFile, "file of --password-file");
  return password === true ? newTransferPassword() : undefined;
}

/** The origin of the pages. @throws CoffreError INVALID_INPUT */
function pageOf(context: CommandContext, given: string | undefined): string {
  if (given !== undefined) return checkPublicUrl("--public-url", given);
  const { url } = context.configuration();
  if (url && isRemote(url)) return url.origin;
  throw new CoffreError("INVALID_INPUT", "Where people reach `coffre serve` isn't known", {
    hint: "Give --public-url https://vault.example.com: the link begins with it.",
  });
}

/** @throws CoffreError INVALID_INPUT */
function expiryOf(given: string | undefined, now: Date): string {
  const text = given ?? `${DEFAULT_TRANSFER_DAYS}d`;
  const [, number, unit] = /^(\d{1,4})([hd])$/.exec(text) ?? [];
  if (number === undefined) return parseInstant("--expires", text);
  return new Date(now.getTime() + Number(number) * (unit === "d" ? DAY_MS : 3_600_000)).toISOString();
}

async function categoryOf(context: CommandContext, given: string | undefined): Promise<string | null> {
  if (given === undefined) return null;
  return findTypedCategory(await collect((await context.vault()).listCategories()), given).id;
}
