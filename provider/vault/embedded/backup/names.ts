import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const SUFFIX = ".coffre.age";
const PART = ".part";
/** A part that is older was left by a run that was killed. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** Whose backups they are: in the file's name. */
export interface NamedVault {
  id: string;
  name: string;
}

/** `prod-1f2e3d4c-20260131T020000000Z.coffre.age`: the vault's name, the beginning of its id, the moment in UTC. */
export function backupName(vault: NamedVault, takenAt: Date): string {
  return `${prefixOf(vault)}${takenAt.toISOString().replaceAll(/[-:.]/g, "")}${SUFFIX}`;
}

/** Where a backup grows until it is whole. */
export function partName(name: string): string {
  return `.${name}${PART}`;
}

/**
 * Removes all but the newest `keep` backups of this vault, and what killed runs left of some. A file is touched only if
 * its whole name says that it is this vault's, and that it is older than `newest`, which the caller has just verified.
 * @returns the names that were removed
 */
export function removeOlder(folder: string, vault: NamedVault, newest: string, keep: number, now: Date): string[] {
  const files = readdirSync(folder).filter((name) => lstatSync(join(folder, name)).isFile());
  for (const name of files) {
    const ours = name.startsWith(".") && name.endsWith(PART) && isBackupOf(vault, name.slice(1, -PART.length));
    const abandoned = ours && now.getTime() - lstatSync(join(folder, name)).mtimeMs > ABANDONED_AFTER_MS;
    if (abandoned) rmSync(join(folder, name));
  }
  // Moments in UTC of one length: the order of names is the order of time.
  const older = files.filter((name) => isBackupOf(vault, name) && name < newest).sort();
  const surplus = older.slice(0, Math.max(0, older.length - (keep - 1)));
  for (const name of surplus) rmSync(join(folder, name));
  return surplus;
}

function isBackupOf(vault: NamedVault, name: string): boolean {
  const prefix = prefixOf(vault);
  return name.startsWith(prefix) && /^\d{8}T\d{9}Z\.coffre\.age$/.test(name.slice(prefix.length));
}

function prefixOf({ id, name }: NamedVault): string {
  return `${name}-${id.slice(0, 8)}-`;
}
