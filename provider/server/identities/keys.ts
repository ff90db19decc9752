import { createHash, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { CoffreError } from "../../core/errors.js";
import type { Vault } from "../../vault/port.js";

/** What the server's own keys are derived from: digests of the vault that it gives to nobody. */
const RESERVED = "coffre serve, key of the server: ";

/** Keys of the server's own, which follow from the vault's: whoever has only the server's file has none of them. */
export interface ServerKeys {
  /** For what is kept of tokens. */
  token: KeyObject;
  /** Seals the rows of the server's file. */
  seal: KeyObject;
  /** Seals the cookies of pages. */
  cookie: KeyObject;
  /** For what is kept of codes, and for what forms of pages carry. */
  page: KeyObject;
}

export async function deriveServerKeys(vault: Vault): Promise<ServerKeys> {
  const halves = await Promise.all(["1", "2"].map((half) => vault.digest(RESERVED + half)));
  const root = createHash("sha256").update(halves.join(" ")).digest();
  const key = (purpose: string) =>
    createSecretKey(Buffer.from(hkdfSync("sha256", root, "", `coffre serve ${purpose}`, 32)));
  const keys = { token: key("token"), seal: key("seal"), cookie: key("cookie"), page: key("page") };
  root.fill(0);
  return keys;
}

/** @throws CoffreError INVALID_INPUT for a text whose digest would give the server's keys away */
export function refuseReserved(text: string): void {
  if (!text.startsWith(RESERVED)) return;
  throw new CoffreError("INVALID_INPUT", "A digest of this text is the server's own secret", {
    hint: "Ask for the digest of another text.",
  });
}
