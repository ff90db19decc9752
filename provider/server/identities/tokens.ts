import { timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import { hasPassed } from "../../core/instant.js";
import { checkName } from "../../core/name.js";
import type { Secret } from "../../core/secret.js";
import { open, seal } from "../../vault/embedded/seal.js";
import { bytesOf, numberOf, textOf } from "../../vault/embedded/sqlite.js";
import { ROLES, type Role } from "../principal.js";
import type { StateFile } from "../state-file.js";
import type { ServerKeys } from "./keys.js";
import { drawToken, parseToken, tokenDigest } from "./token-text.js";

/** The table of tokens: what a person could read is sealed in `body`. */
export const TOKEN_SCHEMA =
  "CREATE TABLE IF NOT EXISTS token (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL) STRICT";

const TokenRow = z.object({
  user: z.string(),
  role: z.enum(ROLES),
  label: z.string(),
  /** Base64 of the HMAC. */
  digest: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  revokedAt: z.string().optional(),
});
type TokenRow = z.infer<typeof TokenRow>;

/** What is shown of a token. Times are ISO 8601, UTC. */
export interface TokenInfo {
  id: string;
  /** Whose it is: the name of a user of the vault, or of an administrator. */
  user: string;
  role: Role;
  /** Where it is used, in a person's words. */
  label: string;
  createdAt: string;
  expiresAt?: string;
  revokedAt?: string;
}

export interface TokenInput {
  user: string;
  role: Role;
  label: string;
  /** As `parseInstant` of core answers it. */
  expiresAt?: string;
}

/** The tokens of one server's file. */
export class Tokens {
  readonly #file: StateFile;
  readonly #keys: ServerKeys;
  readonly #clock: Clock;
  readonly #known = new Map<string, TokenRow>();
  #dataVersion: unknown;

  constructor(file: StateFile, keys: ServerKeys, clock: Clock) {
    this.#file = file;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Makes a token. @returns its text, which is shown once and kept nowhere. @throws CoffreError INVALID_INPUT */
  async create({ user, role, label, expiresAt }: TokenInput): Promise<{ info: TokenInfo; text: Secret }> {
    const now = this.#clock.now();
    if (hasPassed(expiresAt, now)) {
      throw new CoffreError("INVALID_INPUT", "The token's expiry has passed already", { hint: "Name a later time." });
    }
    const { id, secret, text } = drawToken();
    const row: TokenRow = {
      user: checkName("user", user),
      role,
      label,
      digest: tokenDigest(this.#keys.token, { id, secret }).toString("base64"),
      createdAt: now.toISOString(),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    secret.fill(0);
    await this.#file.write(() => {
      this.#file.connection
        .prepare("INSERT INTO token (id, revision, body) VALUES (?, 1, ?)")
        .run(id, this.#seal(id, 1, row));
    });
    return { info: infoOf(id, row), text };
  }

  /** All of them, oldest first; revoked and expired ones too. */
  list(): TokenInfo[] {
    const rows = this.#file.connection.prepare("SELECT id, revision, body FROM token ORDER BY rowid").all();
    return rows.map((row) => infoOf(textOf(row, "id"), this.#open(row)));
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

  /** The token that this text is, if it is one and in force. Takes the same time for a wrong secret as for a right one. */
  find(text: string): { known: string | undefined; token: TokenInfo | undefined } {
    const parts = parseToken(text);
    if (!parts) return { known: undefined, token: undefined };
    const row = this.#row(parts.id);
    if (!row) return { known: undefined, token: undefined };
    const isRight = timingSafeEqual(Buffer.from(row.digest, "base64"), tokenDigest(this.#keys.token, parts));
    const isInForce = row.revokedAt === undefined && !hasPassed(row.expiresAt, this.#clock.now());
    return { known: parts.id, token: isRight && isInForce ? infoOf(parts.id, row) : undefined };
  }

  #row(id: string): TokenRow | undefined {
    // A command may have revoked one since.
    const { dataVersion } = this.#file;
    if (dataVersion !== this.#dataVersion) this.#known.clear();
    this.#dataVersion = dataVersion;
    const known = this.#known.get(id);
    if (known) return known;
    const row = this.#file.connection.prepare("SELECT id, revision, body FROM token WHERE id = ?").get(id);
    if (!row) return undefined;
    const opened = this.#open(row);
    this.#known.set(id, opened);
    return opened;
  }

  async #change(id: string, change: (row: TokenRow) => TokenRow): Promise<TokenInfo> {
    return this.#file.write(() => {
      const { connection } = this.#file;
      const row = connection.prepare("SELECT id, revision, body FROM token WHERE id = ?").get(id);
      if (!row) {
        throw new CoffreError("NOT_FOUND", `There is no token ${id}`, { hint: "`coffre token list` shows them." });
      }
      const changed = change(this.#open(row));
      const revision = numberOf(row, "revision") + 1;
      connection
        .prepare("UPDATE token SET revision = ?, body = ? WHERE id = ?")
        .run(revision, this.#seal(id, revision, changed), id);
      this.#known.delete(id);
      return infoOf(id, changed);
    });
  }

  #seal(id: string, revision: number, row: TokenRow): Buffer {
    return seal(this.#keys.seal, placeOf(id, revision), Buffer.from(JSON.stringify(row)));
  }

  /** @throws CoffreError CORRUPT for a row that somebody else wrote */
  #open(row: Parameters<typeof textOf>[0]): TokenRow {
    const id = textOf(row, "id");
    const opened = open(this.#keys.seal, placeOf(id, numberOf(row, "revision")), bytesOf(row, "body"));
    if (!opened) {
      throw new CoffreError("CORRUPT", `The token ${id} in ${this.#file.path} was altered, or is another vault's`, {
        hint: "Move the file away and make the tokens anew.",
      });
    }
    return TokenRow.parse(JSON.parse(opened.toString("utf8")));
  }
}

function placeOf(id: string, revision: number): string {
  return `coffre serve token ${id} ${revision}`;
}

function infoOf(id: string, { digest: _digest, expiresAt, revokedAt, ...row }: TokenRow): TokenInfo {
  return {
    id,
    ...row,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}
