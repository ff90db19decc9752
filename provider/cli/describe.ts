import { formatReference } from "../core/reference.js";
import { dueAt, isDue, waitsUntil } from "../rotation/due.js";
import { type Credential, type Draining, isOver, type Vault, type VersionInfo } from "../vault/port.js";
import { currentVersion } from "./shape.js";
import { printable } from "./terminal.js";

/** A key slot's kind for people. */
export function slotKindText(kind: "passphrase" | "key-file" | "transit"): string {
  return { passphrase: "passphrase", "key-file": "key file", transit: "transit key" }[kind];
}

/** What everybody who may open a file should know where rights are shown. */
export const KEY_HOLDER_READS_ALL =
  "Whoever holds a key of this vault reads everything in it: a file can't enforce rights.";

const POLICIES_DECIDE =
  "Who reads what is decided by the server's policies: `coffre vault policies` prints those that the grants mean.";

/** What is to be known where a vault's grants are shown; `undefined` where they are all that there is to know. */
export function grantsNote({ capabilities: { grants, events } }: Vault): string | undefined {
  if (grants === "enforced") return undefined;
  // What a server logs, a server also guards.
  return events === "server" ? POLICIES_DECIDE : KEY_HOLDER_READS_ALL;
}

/** A date for people: to the minute, UTC. */
export function dateText(iso: string | Date): string {
  const date = new Date(iso).toISOString();
  return `${date.slice(0, 10)} ${date.slice(11, 16)} UTC`;
}

export function pathText({ path }: Pick<Credential, "path">): string {
  return printable(path.join("/"));
}

/** The path as it can be typed: encoded like a reference, without its beginning. */
export function typedPath(vault: string, path: readonly string[]): string {
  return formatReference({ vault, by: "path", path: [...path] }).slice(`coffre://${vault}/`.length);
}

/** When the rhythm wants the next rotation, and what it waits for; `undefined` without one. */
export async function dueText(credential: Credential, now: Date): Promise<string | undefined> {
  const due = dueAt(credential);
  if (due === undefined) return undefined;
  if (!isDue(credential, now)) return `due ${dateText(due)}`;
  const opensAt = await waitsUntil(credential, now);
  return `due since ${dateText(due)}${opensAt === undefined ? "" : `, its window opens ${dateText(opensAt)}`}`;
}

/** A login of the version before, and until when it works. */
export function drainText({ username, version, until }: Draining, now: Date): string {
  const time = isOver({ until }, now) ? "its time is over: coffre resume ends it" : `until ${dateText(until)}`;
  return `${printable(username)}, version ${String(version)}, ${time}`;
}

export function versionText({ number, verified }: VersionInfo): string {
  return `version ${String(number)}, ${verified ? "verified" : "not verified"}`;
}

export function currentText(credential: Credential): string {
  const current = currentVersion(credential);
  return current === undefined ? "no version yet" : versionText(current);
}

/** What the beginning of a cause means to people; a cause itself is a digest, a date or a random id. */
const CAUSES: Readonly<Record<string, string>> = {
  trigger: "its declaration",
  targets: "a new target",
  command: "a command",
  due: "its rhythm",
  initial: "creation",
  put: "coffre put",
  edit: "coffre edit",
  source: "its declared source",
  declaration: "its declaration",
  sync: "coffre sync",
  "sync-record": "coffre sync",
};

/** `its rhythm (due 2026-01-01 00:00 UTC), a command`. */
export function causesText(causes: readonly string[]): string {
  const words = causes.map((cause) => {
    const { kind, date } = causeShape(cause);
    const word = CAUSES[kind] ?? kind;
    return date === null ? word : `${word} (due ${dateText(date)})`;
  });
  return [...new Set(words)].join(", ");
}

/** A cause without its digest or id: they say nothing to anybody. */
export function causeShape(cause: string): { kind: string; date: string | null } {
  const colon = cause.indexOf(":");
  const kind = colon < 0 ? cause : cause.slice(0, colon);
  const date = kind === "due" ? cause.slice(colon + 1) : null;
  return { kind: printable(kind), date: date !== null && !Number.isNaN(Date.parse(date)) ? date : null };
}
