import { readFileSync } from "node:fs";
import { CoffreError } from "../../core/errors.js";
import { Secret } from "../../core/secret.js";
import type { Brand } from "../../server/html/brand.js";
import type { Delivery, DeliveryOptions } from "../../server/mail/delivery.js";
import type { LetterStyle } from "../../server/mail/letter-scope.js";
import type { Logo, PageStyle } from "../../server/pages/style.js";
import type { Smtp } from "../../server/mail/smtp.js";
import type { OptionDefinition } from "../definition.js";
import { parseCount } from "../reference.js";

const LARGEST_LOGO = 256 * 1024;
const LOGO_TYPES = ["image/png", "image/jpeg", "image/webp"] as const;
const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

type Options = Readonly<Record<string, unknown>>;

/** What `coffre serve` can be told about its mails. */
export const MAIL_OPTIONS: OptionDefinition[] = [
  { flags: "--mail-host <name>", description: "the mail server that takes the vault's mail; without it none is sent" },
  { flags: "--mail-port <number>", description: "its port (default 587; 465 for --mail-tls implicit)" },
  {
    flags: "--mail-tls <how>",
    description: "starttls, which is insisted on (default); implicit; none: for a mail server on this machine",
  },
  { flags: "--mail-ca <file>", description: "PEM file of an authority to trust besides the system's" },
  { flags: "--mail-user <name>", description: "log in as" },
  { flags: "--mail-password-file <file>", description: "its password, in one line" },
  { flags: "--mail-from <address>", description: "the sender: drop@example.com, or Example Ltd <drop@example.com>" },
];

/** How pages and mails look and speak. */
export const STYLE_OPTIONS: OptionDefinition[] = [
  { flags: "--brand-name <name>", description: "under whose name mails and pages stand (default Coffre)" },
  { flags: "--brand-logo <file>", description: "a picture beside it on pages: PNG, JPEG, WebP or SVG, at most 256 kB" },
  { flags: "--brand-colour <#rrggbb>", description: "of their buttons (default #1f5f8b)" },
  {
    flags: "--language <language>",
    description: "en or fr: of mails to people whose language nobody knows (default en)",
  },
  {
    flags: "--time-zone <name>",
    description: "by whose clock times are written: Europe/Paris (default: this machine's)",
  },
];

/** How mails and pages look and speak. @throws CoffreError INVALID_INPUT, CONFIGURATION */
export async function readStyle(options: Options): Promise<Omit<LetterStyle, "pageOf"> & Pick<PageStyle, "logo">> {
  const [{ DEFAULT_BRAND, parseColour }, { LANGUAGES, oneLine }] = await Promise.all([
    import("../../server/html/brand.js"),
    import("../../server/html/locale.js"),
  ]);
  const { brandName, brandColour, brandLogo, language = "en", timeZone = LOCAL_ZONE } = textsOf(options);
  const brand: Brand = {
    name: brandName === undefined ? DEFAULT_BRAND.name : oneLine(brandName) || DEFAULT_BRAND.name,
    colour: brandColour === undefined ? DEFAULT_BRAND.colour : parseColour("--brand-colour", brandColour),
  };
  const known = LANGUAGES.find((one) => one === language);
  if (!known) {
    throw new CoffreError("INVALID_INPUT", "--language isn't one that mails are written in", {
      hint: "Write en or fr.",
    });
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw new CoffreError("INVALID_INPUT", "--time-zone isn't the name of a time zone", {
      hint: "Write it as Europe/Paris or UTC.",
      cause,
    });
  }
  return { brand, language: known, timeZone, ...(brandLogo === undefined ? {} : { logo: await readLogo(brandLogo) }) };
}

async function readLogo(path: string): Promise<Logo> {
  const bytes = readBytes("--brand-logo", path);
  const { fileTypeFromBuffer } = await import("file-type");
  const found = (await fileTypeFromBuffer(bytes))?.mime;
  // SVG is XML to whoever looks at bytes; pages show it as a picture, in which no script runs.
  const isSvg = found === undefined || found === "application/xml" ? bytes.includes("<svg") : false;
  const mime = isSvg ? "image/svg+xml" : LOGO_TYPES.find((type) => type === found);
  if (mime && bytes.length <= LARGEST_LOGO) return { bytes, mime };
  throw invalid(
    "--brand-logo isn't a picture that pages can show",
    "Name a PNG, JPEG, WebP or SVG file of at most 256 kB.",
  );
}

/** The mail server that the options name, and the domain of message ids. */
export interface MailServer {
  smtp: Smtp;
  domain: string;
}

/** @returns `undefined` if no mail is to be sent. @throws CoffreError INVALID_INPUT, CONFIGURATION */
export async function readMailServer(options: Options): Promise<MailServer | undefined> {
  const { mailHost, mailPort, mailTls = "starttls", mailCa, mailUser, mailPasswordFile, mailFrom } = textsOf(options);
  if (mailHost === undefined) {
    const other = MAIL_OPTIONS.find(({ flags }) => options[nameOf(flags)] !== undefined);
    if (other) throw invalid(`${other.flags.split(" ")[0] ?? ""} belongs to --mail-host`, "Name the mail server.");
    return undefined;
  }
  const [{ MAIL_TLS, parseMailAddress }, { Smtp }] = await Promise.all([
    import("../../server/mail/settings.js"),
    import("../../server/mail/smtp.js"),
  ]);
  if (mailFrom === undefined) throw invalid("--mail-from is missing", "Name the sender of the mails.");
  if ((mailUser === undefined) !== (mailPasswordFile === undefined)) {
    throw invalid("--mail-user and --mail-password-file belong together", "Give both.");
  }
  const tls = MAIL_TLS.find((way) => way === mailTls);
  if (!tls) throw invalid("--mail-tls isn't a way to protect the connection", "Write starttls, implicit or none.");
  const from = parseMailAddress("--mail-from", mailFrom);
  const smtp = new Smtp({
    host: mailHost,
    port: mailPort === undefined ? (tls === "implicit" ? 465 : 587) : parseCount("--mail-port", mailPort),
    tls,
    from,
    ...(mailCa === undefined ? {} : { ca: readText("--mail-ca", mailCa) }),
    ...(mailUser === undefined || mailPasswordFile === undefined
      ? {}
      : { login: { user: mailUser, password: readPassword(mailPasswordFile) } }),
  });
  return { smtp, domain: from.address.split("@")[1] ?? "" };
}

/** Sends the vault's mail from now on. */
export async function startMail(options: Omit<DeliveryOptions, "smtp" | "domain"> & MailServer): Promise<Delivery> {
  const { Delivery } = await import("../../server/mail/delivery.js");
  const delivery = new Delivery(options);
  delivery.start();
  return delivery;
}

function readPassword(path: string): Secret {
  const text = readText("--mail-password-file", path).replace(/\r?\n$/, "");
  if (text !== "" && !/[\r\n]/.test(text)) return new Secret(text);
  throw invalid("--mail-password-file isn't one line", "Write the password, and nothing else, into it.");
}

function readText(option: string, path: string): string {
  return readBytes(option, path).toString("utf8");
}

function readBytes(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CoffreError("CONFIGURATION", `The file of ${option} can't be read`, {
      hint: "Name one that this user may read.",
      cause,
    });
  }
}

/** Options that take a value have it as text. */
function textsOf(options: Options): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** `--mail-ca <file>`: `mailCa`, as commander names it. */
function nameOf(flags: string): string {
  return flags.replace(/^--(\S+).*$/, "$1").replaceAll(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
}

function invalid(problem: string, hint: string): CoffreError {
  return new CoffreError("INVALID_INPUT", problem, { hint });
}
