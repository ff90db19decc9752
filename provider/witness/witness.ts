import { CoffreError } from "../core/errors.js";
import type { Credential, Vault, VaultIdentity } from "../vault/port.js";
import { readSeen, type Seen, writeSeen } from "./seen.js";

/** What a witness needs. */
export interface WitnessOptions {
  vault: Vault;
  /** The user's state folder for Coffre. */
  folder: string;
}

/**
 * Remembers, outside of the vault, how far this user has seen it come on this machine, so that an older copy in its
 * place is noticed also where no Pulumi state is at hand (`protocol.md` section 7). Where nothing is remembered, or can
 * be, it finds nothing and hinders nobody.
 */
export class Witness {
  readonly #vault: Vault;
  readonly #folder: string;
  #lost: Promise<Seen | undefined> | undefined;

  constructor({ vault, folder }: WitnessOptions) {
    this.#vault = vault;
    this.#folder = folder;
  }

  /**
   * What was seen of the vault and isn't in it any more; asked once.
   * @param identity of the vault, if it was just asked for. @throws CoffreError what opening the vault throws
   */
  lost(identity?: VaultIdentity): Promise<Seen | undefined> {
    return (this.#lost ??= this.#compare(identity));
  }

  async #compare(identity?: VaultIdentity): Promise<Seen | undefined> {
    const { id, restoreCounter, headProof } = identity ?? (await this.#vault.identity());
    const seen = readSeen(this.#folder, id);
    if (!seen || (seen.head === headProof && seen.restoreCounter === restoreCounter)) return undefined;
    const [isThere] = await this.#vault.hasHeads([seen.head]);
    return isThere === true && seen.restoreCounter === restoreCounter ? undefined : seen;
  }

  /** Refuses to set anything from a vault that is older than what was seen. @throws CoffreError ROLLED_BACK until a person has decided */
  async refuseOlder(credential: Credential): Promise<void> {
    const seen = await this.lost();
    if (!seen || isDecided(credential, seen)) return;
    const path = credential.path.join("/");
    throw new CoffreError(
      "ROLLED_BACK",
      `The vault is older than what was seen of it here on ${seen.at}, so ${path} may have a newer password than it knows`,
      {
        hint: `Nothing was changed. See what the target accepts with \`coffre verify\`, then decide with \`coffre resolve ${credential.id} --accept-rollback\`.`,
        details: { id: credential.id },
      },
    );
  }

  /**
   * Remembers how far the vault has come; at the end of a run. Of a vault that is older than what was seen only once a
   * person has decided about every credential with a target. Never throws: a witness that can't be kept is none.
   */
  async raise(now: Date): Promise<void> {
    try {
      const seen = await this.lost();
      if (seen && !(await this.#isAllDecided(seen))) return;
      const { id, restoreCounter, headProof } = await this.#vault.identity();
      const before = readSeen(this.#folder, id);
      if (before?.head === headProof && before.restoreCounter === restoreCounter) return;
      // Another run may have seen more since.
      if (!seen && before && number(before.head) > number(headProof)) return;
      writeSeen(this.#folder, id, { restoreCounter, head: headProof, at: now.toISOString() });
    } catch {
      // No folder, no room, no vault any more: `coffre doctor` says what is wrong.
    }
  }

  async #isAllDecided(seen: Seen): Promise<boolean> {
    for await (const credential of this.#vault.listCredentials()) {
      if (credential.targets.length > 0 && !isDecided(credential, seen)) return false;
    }
    return true;
  }
}

/** Made, or decided about, after the vault was seen at its best: so by somebody who had the older one before him. */
function isDecided({ resolvedAt, createdAt }: Credential, { at }: Seen): boolean {
  return createdAt > at || (resolvedAt !== undefined && resolvedAt > at);
}

function number(proof: string): number {
  return parseInt(proof, 10);
}
