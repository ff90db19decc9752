import type { MinutesEntry, MinutesFile, MinutesKind } from "../vault/box-minutes.js";
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
