import { timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import { hasPassed } from "../../core/instant.js";
import { checkName } from "../../core/name.js";
import type { Secret } from "../../core/secret.js";
import { ROLES, type Role } from "../principal.js";
import type { SealedRows } from "../sealed-rows.js";
import type { ServerKeys } from "./keys.js";
import { drawToken, parseToken, tokenDigest } from "./token-text.js";

/** The table in the server's file. */
export const TOKEN_TABLE = "token";

export const TokenRow = z.object({
  user: z.string(),
  userId: z.string().optional(),
  role: z.enum(ROLES),
  label: z.string(),
  /** Base64 of the HMAC. */
  digest: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  revokedAt: z.string().optional(),
});
export type TokenRow = z.infer<typeof TokenRow>;

/** What is shown of a token. Times are ISO 8601, UTC. */
export interface TokenInfo {
  id: string;
  /** Whose it is: the name that the vault's user had then, or an administrator's. */
  user: string;
  /** The vault's user; missing of an administrator who is none. */
  userId?: string;
  role: Role;
  /** Where it is used, in a person's words. */
  label: string;
  createdAt: string;
  expiresAt?: string;
  revokedAt?: string;
}

export interface TokenInput {
  user: string;
  /** The vault's user, whose removal or expiry ends the token. Only an administrator may be none. */
  userId?: string;
  role: Role;
  label: string;
  /** As `parseInstant` of core answers it. */
  expiresAt?: string;
}

/** The tokens of one server's file. */
export class Tokens {
  readonly #rows: SealedRows<TokenRow>;
  readonly #keys: ServerKeys;
  readonly #clock: Clock;

  constructor(rows: SealedRows<TokenRow>, keys: ServerKeys, clock: Clock) {
    this.#rows = rows;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Makes a token. @returns its text, which is shown once and kept nowhere. @throws CoffreError INVALID_INPUT */
  async create({ user, userId, role, label, expiresAt }: TokenInput): Promise<{ info: TokenInfo; text: Secret }> {
    const now = this.#clock.now();
    if (hasPassed(expiresAt, now)) {
      throw new CoffreError("INVALID_INPUT", "The token's expiry has passed already", { hint: "Name a later time." });
    }
    const { id, secret, text } = drawToken();
    const row: TokenRow = {
      user: checkName("user", user),
      ...(userId === undefined ? {} : { userId }),
      role,
      label,
      digest: tokenDigest(this.#keys.token, { id, secret }).toString("base64"),
      createdAt: now.toISOString(),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    secret.fill(0);
    await this.#rows.put(id, () => row);
    return { info: infoOf(id, row), text };
  }

  /** All of them, oldest first; revoked and expired ones too. */
  list(): TokenInfo[] {
    return [...this.#rows.all()].map(([id, row]) => infoOf(id, row));
  }

  /** From now on it is refused, for ever. Revoked already is a success. @throws CoffreError NOT_FOUND */
  revoke(id: string): Promise<TokenInfo> {
    return this.#change(id, (row) => ({ revokedAt: this.#clock.now().toISOString(), ...row }));
  }

  /** Gives it another expiry. @throws CoffreError NOT_FOUND; CONFLICT if it was revoked */
  expire(id: string, expiresAt: string): Promise<TokenInfo> {
    return this.#change(id, (row) => {
      if (row.revokedAt === undefined) return { ...row, expiresAt };
      throw new CoffreError("CONFLICT", `The token ${id} was revoked`, { hint: "Make a new one." });
    });
  }

  /** The token that this text names, if there is one; whether its secret is the right one, and whether it is in force. */
  find(text: string): { token: TokenInfo; isRight: boolean; isInForce: boolean } | undefined {
    const parts = parseToken(text);
    const row = parts && this.#rows.all().get(parts.id);
    if (!row) return undefined;
    const isRight = timingSafeEqual(Buffer.from(row.digest, "base64"), tokenDigest(this.#keys.token, parts));
    const isInForce = row.revokedAt === undefined && !hasPassed(row.expiresAt, this.#clock.now());
    return { token: infoOf(parts.id, row), isRight, isInForce };
  }

  async #change(id: string, change: (row: TokenRow) => TokenRow): Promise<TokenInfo> {
    const changed = await this.#rows.put(id, (row) => {
      if (row) return change(row);
      throw new CoffreError("NOT_FOUND", `There is no token ${id}`, { hint: "`coffre token list` shows them." });
    });
    return infoOf(id, changed);
  }
}

function infoOf(id: string, { digest: _digest, userId, expiresAt, revokedAt, ...row }: TokenRow): TokenInfo {
  return {
    id,
    ...row,
    ...(userId === undefined ? {} : { userId }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}
