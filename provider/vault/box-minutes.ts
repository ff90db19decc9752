import { collect } from "../core/collect.js";
import type { DropBox, Vault, VaultEvent } from "./port.js";

/** The record of a drop-box: what it is now, and all that happened to it, oldest first. No content, and no secret. */
export interface BoxMinutes {
  box: DropBox;
  entries: MinutesEntry[];
}

/** What happened, by the event that the vault wrote with it. */
export interface MinutesEntry {
  /** Of the event. */
  seq: number;
  /** ISO 8601, UTC. */
  at: string;
  what: MinutesKind;
  /** Who did it: an e-mail address, a user, or for what nobody does by hand the process that did. */
  by: string;
  /** Of what was deposited, taken away or downloaded. */
  files?: MinutesFile[];
  /** More facts: who had access from then on, why a file was refused, which mail. */
  detail?: string;
}

/** A file as it was when it was whole, also if it is gone by now. */
export interface MinutesFile {
  id: string;
  name: string;
  /** Bytes. */
  size?: number;
  /** Of the content, hex. */
  sha256?: string;
}

/** `closed` and `reopened` are changes of `enabled`, `changed` is any other; `mail-…` is what became of mail about it. */
export type MinutesKind =
  | "opened"
  | "changed"
  | "closed"
  | "reopened"
  | "archived"
  | "signed-in"
  | "code-refused"
  | "deposited"
  | "deposit-deleted"
  | "downloaded"
  | "file-deleted"
  | "file-cleared"
  | "file-refused"
  | "mail-sent"
  | "mail-failed"
  | "mail-expired"
  | "mail-retried";

const KINDS: Readonly<Record<string, MinutesKind>> = {
  "box.created": "opened",
  "box.updated": "changed",
  "box.archived": "archived",
  "box.signed-in": "signed-in",
  "box.code-refused": "code-refused",
  "deposit.submitted": "deposited",
  "deposit.deleted": "deposit-deleted",
  "file.downloaded": "downloaded",
  "file.deleted": "file-deleted",
  "file.cleared": "file-cleared",
  "file.refused": "file-refused",
  "mail.sent": "mail-sent",
  "mail.failed": "mail-failed",
  "mail.expired": "mail-expired",
  "mail.retried": "mail-retried",
};

/** Makes the record of a box from the vault's log. @throws CoffreError NOT_FOUND, FORBIDDEN */
export async function readBoxMinutes(vault: Vault, boxId: string): Promise<BoxMinutes> {
  const box = await vault.boxes.readBox(boxId);
  const events = await collect(vault.listEvents({ credentialId: boxId }));
  const files = new Map(events.flatMap(finishedFile).map((file) => [file.id, file]));
  let isClosed = false;
  const entries = events.flatMap((event): MinutesEntry[] => {
    const kind = KINDS[event.action];
    if (kind === undefined) return []; // a file that was only being uploaded, say
    const wasClosed = isClosed;
    if (kind === "opened" || kind === "changed") isClosed = event.detail?.split("; ").includes("closed") ?? false;
    const what = kind === "changed" && wasClosed !== isClosed ? (isClosed ? "closed" : "reopened") : kind;
    return [{ seq: event.seq, at: event.at, what, ...actedOf(event, what), ...filesIn(event, files) }];
  });
  return { box, entries };
}

/** `<name>, <bytes> bytes, sha256 <hex>`, as the event of a file's end says it. */
function finishedFile({ action, ids, detail = "" }: VaultEvent): MinutesFile[] {
  const [, name, size, sha256] = /^(.*), (\d+) bytes, sha256 ([0-9a-f]{64})$/s.exec(detail) ?? [];
  const id = ids.find(isFile);
  if (action !== "file.finished" || id === undefined || name === undefined || sha256 === undefined) return [];
  return [{ id, name, size: Number(size), sha256 }];
}

function filesIn({ ids }: VaultEvent, files: ReadonlyMap<string, MinutesFile>): { files?: MinutesFile[] } {
  const named = ids.filter(isFile).map((id) => files.get(id) ?? { id, name: id });
  return named.length === 0 ? {} : { files: named };
}

/** Who acted: where a page or another program did it for somebody, the event's detail says for whom. */
function actedOf({ actor, detail = "" }: VaultEvent, what: MinutesKind): Pick<MinutesEntry, "by" | "detail"> {
  switch (what) {
    case "deposited":
      return { by: depositorIn(detail) ?? actor };
    case "deposit-deleted":
      return { by: actor, detail: `deposited by ${depositorIn(detail) ?? "nobody known"}` };
    case "downloaded":
      return { by: detail.slice(detail.lastIndexOf(", by ") + ", by ".length) };
    case "signed-in":
    case "file-deleted":
    case "file-cleared":
      return { by: actor };
    case "code-refused":
      return { by: actor, detail: detail.replace(/, from .*$/, "") }; // the log has the address of the network, for who runs the server
    case "opened":
    case "changed":
    case "closed":
    case "reopened":
    case "archived":
    case "file-refused":
    case "mail-sent":
    case "mail-failed":
    case "mail-expired":
    case "mail-retried":
      return detail === "" ? { by: actor } : { by: actor, detail };
  }
}

/** Who has access from an entry on, and until when. */
export interface AccessFacts {
  /** The box's fields that were changed; none where it was made. */
  changed: string[];
  recipients: string[];
  managers: string[];
  /** ISO 8601. Missing: no end. */
  until?: string;
  partitioned: boolean;
}

/** What an entry says of who has access; `undefined` if it is about something else. */
export function accessIn({ detail = "" }: MinutesEntry): AccessFacts | undefined {
  const [, changes, recipients, managers, until, rest] =
    /^(?:([\w, ]*); )?recipients (.*?); managers (.*?); until (\S+?)((?:; \w+)*)$/.exec(detail) ?? [];
  if (recipients === undefined || managers === undefined) return undefined;
  const people = (text: string) => (text === "none" ? [] : text.split(" "));
  return {
    changed: changes === undefined ? [] : changes.split(", "),
    recipients: people(recipients),
    managers: people(managers),
    ...(until === undefined || until === "archived" ? {} : { until }),
    partitioned: rest?.includes("; partitioned") ?? false,
  };
}

/** Which mail an entry is about, by its template, and to whom: events of earlier versions don't say that. */
export function mailIn({ what, detail = "" }: MinutesEntry): { template: string; to?: string } | undefined {
  if (!what.startsWith("mail-")) return undefined;
  const [template = "", to] = detail.split(" to ", 2);
  return { template, ...(to === undefined ? {} : { to }) };
}

/** Which wrong code of how many an entry is about, and for whom it was entered. */
export function codeTryIn({
  what,
  detail = "",
}: MinutesEntry): { tries: string; most: string; address: string } | undefined {
  const [, tries, most, address] = /^(\d+) of (\d+) for (.*)$/.exec(detail) ?? [];
  if (what !== "code-refused" || tries === undefined || most === undefined || address === undefined) return undefined;
  return { tries, most, address };
}

/** `by <who>: <names of files>` */
function depositorIn(detail: string): string | undefined {
  return /^by (.*?): /s.exec(detail)?.[1];
}

function isFile(id: string): boolean {
  return id.startsWith("fi_");
}
