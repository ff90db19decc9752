import {
  type AccessFacts,
  accessIn,
  codeTryIn,
  mailIn,
  type MinutesEntry,
  type MinutesFile,
  type MinutesKind,
} from "../vault/box-minutes.js";
import { dateText } from "./describe.js";
import { bytesText } from "./boxes.js";

/** What happened, for people. */
export const MINUTES_WORDS: Readonly<Record<MinutesKind, string>> = {
  opened: "opened",
  changed: "changed",
  closed: "closed",
  reopened: "opened again",
  archived: "archived",
  "signed-in": "signed in",
  "code-refused": "wrong code entered",
  deposited: "deposited",
  "deposit-deleted": "deposit deleted",
  downloaded: "downloaded",
  "file-deleted": "file deleted",
  "file-cleared": "found clean by the scanner",
  "file-refused": "refused by the scanner",
  "mail-sent": "mail sent",
  "mail-failed": "mail given up",
  "mail-expired": "mail too late to be sent",
  "mail-retried": "mail tried again",
};

/** Which mail, by its template. */
const MAILS: Readonly<Record<string, string>> = {
  "box-opened": "invitation",
  "box-code": "code to sign in",
  "deposit-receipt": "receipt",
  "deposit-received": "notice of a deposit",
  "file-downloaded": "notice of a download",
  "file-refused": "notice of a refused file",
};

/** Fields of a box whose new value the minutes don't have. */
const FIELDS: Readonly<Record<string, string>> = {
  name: "its name",
  categoryId: "its category",
  description: "what is wanted",
  archivesAt: "when it is archived",
  depositNotice: "notices of deposits",
  downloadNotice: "notices of downloads",
  maxFileBytes: "the largest file",
  maxBytes: "the room for all files",
  fileTypes: "the kinds of files",
  keepDays: "how long deposits are kept",
  phones: "phones",
  owner: "the stack that it belongs to",
};

/** What else there is to say of an entry, line by line, for people. */
export function minutesDetails(entry: MinutesEntry): string[] {
  const mail = mailIn(entry);
  if (mail) return [`${MAILS[mail.template] ?? mail.template}${mail.to === undefined ? "" : ` to ${mail.to}`}`];
  const tried = codeTryIn(entry);
  if (tried) return [`for ${tried.address}, ${tried.tries} of ${tried.most}`];
  const access = accessIn(entry);
  if (access) return accessLines(access, entry.what === "opened");
  return entry.detail === undefined ? [] : [entry.detail];
}

/** @param all what was set from the beginning, too; otherwise what was changed */
function accessLines({ changed, recipients, managers, until, partitioned }: AccessFacts, all: boolean): string[] {
  const says = (field: string) => all || changed.includes(field);
  const people = (addresses: string[]) => addresses.join(", ") || "nobody";
  const others = changed.flatMap((field) => FIELDS[field] ?? []);
  return [
    ...(says("recipients") ? [`recipients: ${people(recipients)}`] : []),
    ...(says("managers") ? [`managers: ${people(managers)}`] : []),
    ...(says("expiresAt") ? [`open until: ${until === undefined ? "no end date" : dateText(until)}`] : []),
    ...(says("partitioned") ? [`recipients see ${partitioned ? "their own deposits" : "all deposits"}`] : []),
    ...(others.length === 0 ? [] : [`changed: ${others.join(", ")}`]),
  ];
}

/** A file with all that proves it: `tls.crt, 1.2 kB, SHA-256 9f86…`. */
export function minutesFileText({ name, size, sha256 }: MinutesFile): string {
  const facts = [
    size === undefined ? undefined : bytesText(size),
    sha256 === undefined ? undefined : `SHA-256 ${sha256}`,
  ];
  return [name, ...facts].filter((fact) => fact !== undefined).join(", ");
}

/** An entry as `--json` shows it. */
export function entryShape({ seq, at, what, by, files = [], detail }: MinutesEntry) {
  return {
    seq,
    at,
    what,
    by,
    files: files.map(({ id, name, size, sha256 }) => ({ id, name, size: size ?? null, sha256: sha256 ?? null })),
    detail: detail ?? null,
  };
}
