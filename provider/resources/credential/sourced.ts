import type { Secret } from "../../core/secret.js";
import type { Credential, Field, Vault } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { type Deposited, findDeposited, readDeposited } from "./deposited.js";
import { labelOf, readSource, type SourceOf } from "./read-source.js";
import { type DepositSource, isDeposit, type ReadSource } from "./source.js";

/** A value that is there to be read. */
export interface Sourced {
  /** Where it is and which one, as the cause of its version names it. */
  place: readonly string[];
  /** @throws CoffreError CONFIGURATION, INVALID_INPUT, each naming resource, field and source */
  read(): Promise<Secret>;
}

/** @returns `undefined` for what nobody has deposited yet */
export async function findSourced(
  { vault, rotation }: ResourceContext,
  what: SourceOf,
  source: ReadSource,
): Promise<Sourced | undefined> {
  if (!isDeposit(source)) {
    const place = "file" in source ? ["file", source.file] : ["env", source.env];
    return { place: [...place, source.revision], read: () => readSource(rotation.environment, what, source) };
  }
  const said = labelOf(what);
  const deposited = await findDeposited(vault, said, what.type, source);
  if (!deposited) return undefined;
  return { place: depositPlace(source, deposited), read: () => readDeposited(vault, said, what.type, deposited) };
}

/** By its content: the same file, deposited once more, is no other value. */
export function depositPlace({ dropBox, file }: DepositSource, deposited: Deposited): string[] {
  return ["drop-box", dropBox, file, deposited.file.sha256];
}

/** The versions that a password or a field has, and why. */
export interface Had {
  /** One is in force. */
  hasValue: boolean;
  /** Of all that count, oldest first. */
  causes: string[];
  /** How many there were. */
  count: number;
}

export function passwordHad(credential: Credential | undefined): Had {
  const versions = (credential?.versions ?? []).filter(({ state }) => state !== "discarded");
  return {
    hasValue: versions.some(({ state }) => state === "current"),
    causes: versions.flatMap(({ causes }) => causes),
    count: versions.length,
  };
}

/** What a field of this type has; of another type it has to get a value anew. */
export function fieldHad(field: Field | undefined, type: Field["type"]): Had {
  const versions = field?.versions ?? [];
  const hasValue = field?.type === type && versions.some(({ state }) => state === "current");
  return { hasValue, causes: hasValue ? versions.map(({ cause }) => cause) : [], count: versions.length };
}

const SOURCE = "source:";

/**
 * The cause of a version that a source wants, by a keyed digest of its place. Numbered where an earlier version came from the
 * same, since a source that comes back (1, 2, 1) is read again.
 * @returns `undefined` if the newest version that came from a source came from this one: an interrupted run wrote it
 */
export async function newCause(
  vault: Vault,
  place: readonly string[],
  { causes, count }: Had,
): Promise<string | undefined> {
  const cause = `${SOURCE}${await vault.digest(JSON.stringify(place))}`;
  const isSame = (found: string) => found === cause || found.startsWith(`${cause}:`);
  const newest = causes.findLast((found) => found.startsWith(SOURCE));
  if (newest !== undefined && isSame(newest)) return undefined;
  return count > 0 ? `${cause}:after-${count}` : cause;
}
