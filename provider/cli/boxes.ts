import { CoffreError } from "../core/errors.js";
import type { Deposit, DropBox, DropBoxStatus, StoredFile, Vault } from "../vault/port.js";
import { printable } from "./terminal.js";

/** What every command about drop-boxes says of its argument. */
export const BOX_ARGUMENT = {
  name: "<box>",
  description: "the drop-box: its path, for example Partners/acme, or its id",
};

/**
 * The drop-box that a person typed: a path, with the names as they are or percent-encoded, or an id, by which archived boxes
 * are found too. @throws CoffreError NOT_FOUND, FORBIDDEN, NOT_SUPPORTED
 */
export async function findTypedBox(vault: Vault, text: string): Promise<DropBox> {
  if (text.startsWith("bx_")) return vault.boxes.readBox(text);
  const names = text.split("/").filter((name) => name !== "");
  const found = (await findByNames(vault, names)) ?? (await findByNames(vault, decoded(names)));
  if (found) return found;
  throw new CoffreError("NOT_FOUND", `There is no drop-box ${printable(text)}`, {
    hint: "`coffre box list` shows those that are there, with --archived the others.",
  });
}

async function findByNames(vault: Vault, names: readonly string[] | undefined): Promise<DropBox | undefined> {
  const name = names?.at(-1);
  if (names === undefined || name === undefined) return undefined;
  const above = names.slice(0, -1);
  const category = above.length === 0 ? null : await vault.findCategory(above);
  return category === undefined ? undefined : vault.boxes.findBox(category?.id ?? null, name);
}

/** `undefined` where nothing is encoded. */
function decoded(names: readonly string[]): string[] | undefined {
  if (!names.some((name) => name.includes("%"))) return undefined;
  try {
    return names.map(decodeURIComponent);
  } catch {
    return undefined; // a percent sign of the name's own
  }
}

/** A drop-box as `--json` shows it. Keys are a promise: none is renamed or removed, more may come. */
export function boxShape(box: DropBox) {
  const { id, path, status, recipients, managers, partitioned, depositNotice, downloadNotice, enabled } = box;
  return {
    id,
    path,
    status,
    url: box.url ?? null,
    description: box.description ?? null,
    recipients,
    managers,
    expiresAt: box.expiresAt ?? null,
    archivesAt: box.archivesAt ?? null,
    archivedAt: box.archivedAt ?? null,
    partitioned,
    depositNotice,
    downloadNotice,
    enabled,
    maxFileBytes: box.maxFileBytes ?? null,
    maxBytes: box.maxBytes ?? null,
    fileTypes: box.fileTypes ?? null,
    keepDays: box.keepDays ?? null,
    phones: box.phones,
    depositCount: box.depositCount,
    bytes: box.bytes,
    owned: box.owned,
    createdAt: box.createdAt,
  };
}

/** The keys of {@link boxShape}, for a command's help. */
export const BOX_KEYS =
  "`id`, `path`, `status` (open, expired, closed, archived), `url`, `description`, `recipients`, `managers`, `expiresAt`, `archivesAt`, `archivedAt`, `partitioned`, `depositNotice`, `downloadNotice`, `enabled`, `maxFileBytes`, `maxBytes`, `fileTypes`, `keepDays`, `phones`, `depositCount`, `bytes`, `owned`, `createdAt`. What is absent is `null`.";

/** A deposit as `--json` shows it. */
export function depositShape({ id, by, note, openedAt, submittedAt, files }: Deposit) {
  return {
    id,
    by,
    note: note ?? null,
    openedAt,
    submittedAt: submittedAt ?? null,
    files: files.map(fileShape),
  };
}

function fileShape({ id, name, givenName, state, received, size, sha256, type, reason, finishedAt }: StoredFile) {
  return {
    id,
    name,
    givenName,
    state,
    received,
    size: size ?? null,
    sha256: sha256 ?? null,
    type: type ?? null,
    reason: reason ?? null,
    finishedAt: finishedAt ?? null,
  };
}

/** A status by how urgent it looks. */
export const STATUS_STYLES: Readonly<Record<DropBoxStatus, "green" | "yellow" | "dim">> = {
  open: "green",
  expired: "yellow",
  closed: "yellow",
  archived: "dim",
};

const UNITS = ["bytes", "kB", "MB", "GB", "TB"] as const;

/** A size for people, in steps of 1,000: `1.2 MB`. */
export function bytesText(bytes: number): string {
  let step = 0;
  let size = bytes;
  // 999,950 would be written as 1000.0 kB.
  for (; size >= 999.95 && step < UNITS.length - 1; step++) size /= 1_000;
  if (step === 0) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return `${size.toFixed(1)} ${UNITS[step] ?? ""}`;
}

/** `1 deposit`, `3 deposits`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
