import { readSecretFile } from "../../config/secret-file.js";
import { isRemote } from "../../config/remote-url.js";
import { CoffreError } from "../../core/errors.js";
import { parseInstant } from "../../core/instant.js";
import { plainAddresses } from "../../core/drop-box.js";
import { checkPublicUrl } from "../../core/public-url.js";
import type { Secret } from "../../core/secret.js";
import {
  checkTransferFacts,
  checkTransferPassword,
  DAY_MS,
  DEFAULT_TRANSFER_DAYS,
  downloadsText,
  MOST_DOWNLOADS,
  newTransferPassword,
} from "../../core/transfer.js";
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
    "--password draws one, which the page asks for; it is printed once, and never in the mail: tell it by another way. One of your own comes by --password-file, and isn't printed. Ten wrong ones in a row lock the transfer.",
    "--end-to-end encrypts each file here, by age, for a new key that stands in the link behind the # and nowhere else: the vault and its server never see it, nor what the files hold, and no scanner can look inside. The page decrypts in the receiver's browser, or the program age does. Names, sizes and the message stay readable to the server. Mail of --to has the link without the key: hand that over yourself.",
  ],
  arguments: [{ name: "<file...>", description: "files of this machine" }],
  options: [
    { flags: "--to <address...>", description: "e-mail addresses of those who are told, each once" },
    { flags: "--expires <time>", description: "2026-12-31T18:00:00Z, or from now: 12h, 7d (default 7d; 366d at most)" },
    {
      flags: "--max-downloads <number>",
      description: "how often each file may be downloaded, 1 to 10,000 (default: any number of times)",
    },
    { flags: "--password", description: "draw a password, which the page asks for" },
    { flags: "--password-file <file>", description: "take it from a file instead: one line of 8 to 1,024 characters" },
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
  json: "An object: `id`, `url`, `password` (null unless it was drawn), `key` (null without `--end-to-end`), `from`, `to`, `expiresAt`, `maxDownloads` (null without a limit), `files`: `name`, `size` (bytes), `sha256`.",
  exits: [
    { code: 2, when: "a file that isn't there, two of one name, or an option that can't be right" },
    { code: 3, when: "there is no such category" },
  ],
  async run(context, { args, options }) {
    const { newSeal, outgoingFiles, sendFiles } = await import("../../vault/send-files.js");
    // All that can be wrong here is told before the vault is opened.
    const files = outgoingFiles(args);
    const { drawn, password } = passwordOf(options);
    const page = pageOf(context, textOf(options, "publicUrl"));
    const facts = factsOf(context, options);
    const seal = options["endToEnd"] === true ? await newSeal() : undefined;
    const vault = await context.vault();
    const input: TransferInput = {
      ...facts,
      categoryId: await categoryOf(context, textOf(options, "category")),
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
    tell(context, transfer, { url: `${page}/transfers/${link.reveal()}${fragment}`, drawn, key: seal?.key });
  },
};

/** The link on stdout, and the receipt beside it. */
function tell(
  { terminal, json }: CommandContext,
  transfer: Transfer,
  { url, drawn, key }: { url: string; drawn: Secret | undefined; key: Secret | undefined },
): void {
  const { id, from, to, expiresAt, maxDownloads, files } = transfer;
  if (json) {
    const shown = files.map(({ name, size, sha256 }) => ({ name, size, sha256 }));
    const [word, opens, most] = [drawn?.reveal() ?? null, key?.reveal() ?? null, maxDownloads ?? null];
    terminal.json({ id, url, password: word, key: opens, from, to, expiresAt, maxDownloads: most, files: shown });
    return;
  }
  terminal.print(url);
  if (drawn) terminal.print(`Password: ${drawn.reveal()}`);
  for (const line of columns(
    files.map(({ name, size = 0, sha256 = "" }) => [printable(name), `${size} bytes`, sha256]),
  ))
    terminal.note(line);
  const times = maxDownloads === undefined ? "" : `, ${downloadsText(maxDownloads)}`;
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

/** What of the transfer stands in options, under their names where one can't be right. @throws CoffreError INVALID_INPUT */
function factsOf({ user, clock }: CommandContext, options: Readonly<Record<string, unknown>>) {
  const { to, maxDownloads } = options;
  const message = textOf(options, "message");
  const now = clock.now();
  const facts = {
    from: textOf(options, "from") ?? user,
    expiresAt: expiryOf(textOf(options, "expires"), now),
    ...(Array.isArray(to) ? { to: plainAddresses("--to", to.map(String)) } : {}),
    ...(message === undefined ? {} : { message }),
    ...(maxDownloads === undefined
      ? {}
      : { maxDownloads: parseCount("--max-downloads", maxDownloads, { most: MOST_DOWNLOADS }) }),
  };
  return checkTransferFacts(facts, now, { from: "--from", message: "--message", expiresAt: "--expires" });
}

/** The password, and beside it the one that nobody knows yet: what a person gave is never printed. @throws CoffreError */
function passwordOf({ password, passwordFile }: Readonly<Record<string, unknown>>): {
  password?: Secret;
  drawn?: Secret;
} {
  if (typeof passwordFile !== "string") {
    if (password !== true) return {};
    const drawn = newTransferPassword();
    return { password: drawn, drawn };
  }
  if (password === true) {
    throw new CoffreError("INVALID_INPUT", "--password and --password-file are both given", {
      hint: "Leave one of them out: --password draws a password, --password-file brings your own.",
    });
  }
  const given = readSecretFile(passwordFile, "file of --password-file");
  const hint = "Put one line of 8 to 1,024 characters into it, or give --password in its place, which draws one.";
  const called = `The password in ${passwordFile} (--password-file)`;
  if (/[\r\n]/.test(given.reveal())) throw new CoffreError("INVALID_INPUT", `${called} has several lines`, { hint });
  checkTransferPassword(given, called, hint);
  return { password: given };
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

const EXPIRES_HINT = "Say how long (12h, 7d), or until when, with the zone (2026-12-31T18:00:00Z).";

/** @throws CoffreError INVALID_INPUT */
function expiryOf(given: string | undefined, now: Date): string {
  const text = given ?? `${DEFAULT_TRANSFER_DAYS}d`;
  const [, number, unit] = /^(\d{1,4})([hd])$/.exec(text) ?? [];
  if (number === undefined) return parseInstant("--expires", text, EXPIRES_HINT);
  return new Date(now.getTime() + Number(number) * (unit === "d" ? DAY_MS : 3_600_000)).toISOString();
}

async function categoryOf(context: CommandContext, given: string | undefined): Promise<string | null> {
  if (given === undefined) return null;
  return findTypedCategory(await collect((await context.vault()).listCategories()), given).id;
}
