import { CoffreError } from "../core/errors.js";
import type { Credential, VaultIdentity } from "../vault/port.js";

/**
 * What a resource's state remembers of the vault that it was written to (`protocol.md` section 7):
 * `<vault id>:<restore counter>:<head>:<resolution or nothing>:<beginning of the head's proof>`.
 */
export interface VaultStamp {
  vaultId: string;
  restoreCounter: number;
  /** Number of the vault's newest event when the state was written. */
  head: number;
  /** Id of the person's decision about a rollback that this state has seen. */
  resolution: string | undefined;
  /** What the vault has to know of that event, as {@link VaultIdentity.headProof}; `undefined` in a state of an early release. */
  proof: string | undefined;
}

/** Enough of a proof: it can't be computed without the vault's key, so nobody can look for another one like it. */
const PROOF_DIGITS = 16;

/** Knows the vault's past: see the port's `hasHeads`. */
export interface Past {
  hasHead(proof: string): Promise<boolean>;
}

export function formatStamp(identity: VaultIdentity, credential?: Pick<Credential, "resolution">): string {
  const proof = identity.headProof.split(":")[1]?.slice(0, PROOF_DIGITS) ?? "";
  return [identity.id, identity.restoreCounter, identity.head, credential?.resolution ?? "", proof].join(":");
}

/** @returns `undefined` for a state without a stamp: a resource that was only looked up. @throws CoffreError BAD_RESPONSE */
export function parseStamp(text: unknown): VaultStamp | undefined {
  if (text === undefined) return undefined;
  const [vaultId, restoreCounter, head, resolution, digits, ...more] = typeof text === "string" ? text.split(":") : [];
  const numbers = [restoreCounter, head].map((part) => (part !== undefined && /^\d+$/.test(part) ? Number(part) : NaN));
  if (!vaultId || resolution === undefined || more.length > 0 || numbers.some(Number.isNaN)) {
    throw new CoffreError("BAD_RESPONSE", "The state's vaultStamp can't be read", {
      hint: "The state was changed by hand, or written by a newer version of Coffre: bring back an earlier state.",
    });
  }
  const [counter = 0, newest = 0] = numbers;
  return {
    vaultId,
    restoreCounter: counter,
    head: newest,
    resolution: resolution === "" ? undefined : resolution,
    proof: digits === undefined || digits === "" ? undefined : `${newest}:${digits}`,
  };
}

/**
 * The vault that answers, which is the one that the state was written to; before any request about an entry.
 * @throws CoffreError WRONG_VAULT; BAD_RESPONSE for a stamp that can't be read
 */
export async function vaultOf(
  answering: { identity(): Promise<VaultIdentity> },
  state: { vaultStamp?: string | undefined },
): Promise<{ identity: VaultIdentity; stamp: VaultStamp | undefined }> {
  const identity = await answering.identity();
  const stamp = parseStamp(state.vaultStamp);
  if (stamp === undefined || stamp.vaultId === identity.id) return { identity, stamp };
  throw new CoffreError(
    "WRONG_VAULT",
    `The vault that answers is "${identity.name}" (${identity.id}), but this resource was made in vault ${stamp.vaultId}`,
    {
      hint: "Nothing was asked of it. Set coffre:url (or the resource's provider) to the vault that the resource was made in.",
    },
  );
}

/**
 * True if the vault is older than the state: a copy was put in its place, or a backup was restored. A copy that has come
 * as far again by itself has another past than the state has seen; so has one from before a restore that the state knows.
 */
export async function isRolledBack(
  stamp: VaultStamp | undefined,
  identity: VaultIdentity,
  past: Past,
): Promise<boolean> {
  if (stamp === undefined) return false;
  if (identity.restoreCounter !== stamp.restoreCounter || identity.head < stamp.head) return true;
  return stamp.proof !== undefined && !(await past.hasHead(stamp.proof));
}

/**
 * True if the state has to be written anew although the resource is as it was: the vault was restored, and a person has
 * said that it holds. The newest event's number alone is no reason.
 */
export function isOutdated(
  stamp: VaultStamp,
  identity: VaultIdentity,
  credential?: Pick<Credential, "resolution">,
): boolean {
  const { restoreCounter, head, resolution } = stamp;
  return restoreCounter !== identity.restoreCounter || head > identity.head || resolution !== credential?.resolution;
}

/** What a state knows of its credential. */
export interface KnownCredential {
  stamp: VaultStamp | undefined;
  /** The highest version that the state has seen. */
  version: number | undefined;
}

/**
 * Refuses to act on a credential in a vault that is older than the state, until a person has decided by `coffre resolve`.
 * A state that is older than the vault passes: it is brought up to date. @throws CoffreError ROLLED_BACK
 */
export async function refuseRolledBack(
  known: KnownCredential,
  identity: VaultIdentity,
  credential: Credential,
  past: Past,
): Promise<void> {
  const { stamp, version } = known;
  if (stamp === undefined) return;
  const decided = credential.resolution !== undefined && credential.resolution !== stamp.resolution;
  if (decided) return;
  const newest = credential.versions.reduce((highest, { number }) => Math.max(highest, number), 0);
  const seenState = credential.versions.find(({ number }) => number === version)?.state;
  // What was current once is never pending or discarded again, except in an older copy.
  const lost = version !== undefined && (newest < version || seenState === "pending" || seenState === "discarded");
  if (!lost && !(await isRolledBack(stamp, identity, past))) return;
  const name = credential.path.join("/");
  const seen = lost ? ` and lacks version ${version} of ${name} as a current one` : "";
  throw new CoffreError("ROLLED_BACK", `The vault "${identity.name}" is older than the state of ${name}${seen}`, {
    hint: `Nothing was changed. See what the target accepts with \`coffre verify\`, then decide with \`coffre resolve ${credential.id} --accept-rollback\`.`,
    details: { id: credential.id },
  });
}

/**
 * What a NOT_FOUND means for an entry that the state knows: gone, or lost by a rollback.
 * @throws CoffreError ROLLED_BACK if the vault is older than the state
 */
export async function refuseLost(
  stamp: VaultStamp | undefined,
  identity: VaultIdentity,
  past: Past,
  what: string,
): Promise<void> {
  if (!(await isRolledBack(stamp, identity, past))) return;
  throw new CoffreError("ROLLED_BACK", `The vault "${identity.name}" is older than this state and lacks ${what}`, {
    hint: "Bring back the newer vault. If it is lost, take the resource out of the state with `pulumi state delete`; the next up makes it anew.",
  });
}

/** The stamp of a state that was read anew. The newest event alone is no news: a refresh of what didn't change changes nothing. */
export function stampAfterRead(
  state: { vaultStamp?: string | undefined },
  stamp: VaultStamp | undefined,
  identity: VaultIdentity,
): string | undefined {
  return stamp && isOutdated(stamp, identity) ? formatStamp(identity) : state.vaultStamp;
}
