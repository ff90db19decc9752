/**
 * What an id belongs to: `ct_` a category, `cr_` a credential, `fd_` a credential's field, `us_` a user, `gp_` a group,
 * `mb_` a membership, `gt_` a grant, `msg_` a message to a hook, `ml_` a mail,
 * `bx_` a drop-box, `dp_` a deposit, `fi_` a file in it, `tr_` a transfer, `tk_` a token of `coffre serve`.
 */
export type IdPrefix =
  "ct_" | "cr_" | "fd_" | "us_" | "gp_" | "mb_" | "gt_" | "msg_" | "ml_" | "bx_" | "dp_" | "fi_" | "tr_" | "tk_";

// Letters and digits only: an id is selected by a double click and never needs quoting or encoding.
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const RANDOM_LENGTH = 22; // 131 bits: ids of vaults that are merged one day don't meet

/** A new random id: the prefix and 22 letters and digits, for example `cr_4vJm0sTzq8YfB2nKxW1aLd`. */
export function newId(prefix: IdPrefix): string {
  // Not imported: that takes a quarter of the time in which Node starts, and more commands know ids than make them.
  const { randomInt } = process.getBuiltinModule("node:crypto");
  let id: string = prefix;
  for (let drawn = 0; drawn < RANDOM_LENGTH; drawn++) id += ALPHABET.charAt(randomInt(ALPHABET.length));
  return id;
}

/** True for the shape of a credential's id; base64url characters are taken too, for vaults that make ids of their own. */
export function isCredentialId(text: string): boolean {
  return /^cr_[A-Za-z0-9_-]{22}$/.test(text);
}
