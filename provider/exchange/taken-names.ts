import { CoffreError } from "../core/errors.js";

/** Names that a format makes of paths, of which no two may be the same: one would stand for the other. */
export class TakenNames {
  readonly #owners = new Map<string, string>();

  /** @param owner what it stands for, for messages. @returns the name. @throws CoffreError INVALID_INPUT if it is taken */
  take(name: string, owner: string): string {
    const other = this.#owners.get(name);
    if (other !== undefined) {
      throw new CoffreError("INVALID_INPUT", `${other} and ${owner} would both be called ${name} there`, {
        hint: "Rename one of them (`coffre edit`), or export one branch with --category. Nothing was written.",
      });
    }
    this.#owners.set(name, owner);
    return name;
  }
}
