import { CoffreError, type ErrorCode } from "../../core/errors.js";
import { CasConflict } from "../documents/storage.js";

export { CasConflict };

/** A request in words, for messages: nothing in it is a value. */
export interface Asked {
  /** For example `https://vault.example.com:8200`. */
  origin: string;
  method: string;
  /** Below `/v1/`. */
  path: string;
}

/** What a server answered that is no success. Its own texts decide here, and are shown to nobody: they may quote what was sent. */
export interface Refused {
  status: number;
  /** The texts of `errors`. */
  errors: readonly string[];
}

/** What a transit engine says of a key or of what it shall open. */
export class TransitRefusal extends Error {
  override readonly name = "TransitRefusal";
  /**
   * `other-key`: another key has wrapped it, or for something else. `no-key`: there is none of this name. `too-old`: the
   * key's own settings let that version open nothing any more.
   */
  readonly reason: "other-key" | "no-key" | "too-old";

  constructor(reason: TransitRefusal["reason"]) {
    super(reason);
    this.reason = reason;
  }
}

/** By the texts of OpenBao and HashiCorp Vault, which have no other sign. */
const TRANSIT: readonly [string, TransitRefusal["reason"]][] = [
  ["message authentication failed", "other-key"],
  ["version is too new", "other-key"],
  ["encryption key not found", "no-key"],
  ["disallowed by policy (too old)", "too-old"],
];

const CAS = "check-and-set parameter did not match";

/** The capability that a method needs, as Vault's policies name it. */
const CAPABILITIES: Readonly<Record<string, string>> = {
  GET: "read",
  LIST: "list",
  POST: "create, update",
  PATCH: "patch",
  DELETE: "delete",
};

/** What a refusal means, by status and texts: the one place that knows. */
export function refusal(asked: Asked, { status, errors }: Refused): Error {
  const says = (text: string) => errors.some((error) => error.toLowerCase().includes(text));
  if (status === 400 && says(CAS)) return new CasConflict();
  const transit = TRANSIT.find(([text]) => status === 400 && says(text));
  if (transit) return new TransitRefusal(transit[1]);
  if (status === 403) return forbidden(asked);
  if (status === 503) {
    return says("sealed")
      ? failed("UNREACHABLE", asked, "is sealed", "Unseal it, then run this again.")
      : failed("UNREACHABLE", asked, "isn't ready (503)", "Wait until it is, then run this again.");
  }
  if (status === 429) return failed("UNREACHABLE", asked, "asks for fewer requests (429)", "Raise its rate limit.");
  if (status === 472 || status === 473) return standby(asked);
  if (status === 404) {
    return failed("NOT_FOUND", asked, `has nothing at ${asked.path}`, "Check the mount in coffre:url.");
  }
  if (status === 405) {
    return failed("NOT_SUPPORTED", asked, `knows no ${asked.method} at ${asked.path}`, "Is the mount a KV version 2?");
  }
  if (status === 413) return failed("INVALID_INPUT", asked, "takes no document of this size (413)", "Keep less in it.");
  if (status === 507) return failed("DISK_FULL", asked, "has no space left (507)", "Give it more.");
  if (status === 400 && says("upgrading from non-versioned")) {
    return failed("UNREACHABLE", asked, "is still upgrading the mount to version 2", "Run this again in a minute.");
  }
  if (status >= 500) {
    const tooLarge = says("larger than maximum") || says("exceeds") || says("too large");
    return tooLarge
      ? failed("INVALID_INPUT", asked, `takes no document of this size at ${asked.path}`, "See max_entry_size.")
      : failed("UNREACHABLE", asked, `failed at ${asked.path} (${status})`, "Its own log says why.");
  }
  return failed(
    "BAD_RESPONSE",
    asked,
    `refused ${asked.method} ${asked.path} (${status})`,
    "Its own log says why; a name that it can't keep in a path is one reason.",
  );
}

export function forbidden(asked: Asked): CoffreError {
  const capability = CAPABILITIES[asked.method] ?? asked.method;
  return new CoffreError("FORBIDDEN", `The login at ${asked.origin} may not ${asked.method} ${asked.path}`, {
    hint: `Its policy needs the capability ${capability} on ${asked.path}: \`coffre vault policies\` prints what Coffre needs.`,
    details: { path: asked.path, capability },
  });
}

/** The token itself is worth nothing: no path that the login may or may not see is the reason. */
export class TokenRefused extends CoffreError {
  constructor({ origin }: Pick<Asked, "origin">) {
    super("FORBIDDEN", `The token for ${origin} is wrong, has expired, or was revoked`, {
      hint: "Give a good one (COFFRE_TOKEN_FILE, COFFRE_TOKEN), or let Coffre log in by itself: auth=approle, kubernetes or jwt in the vault's URL.",
    });
  }
}

export function standby({ origin }: Pick<Asked, "origin">): CoffreError {
  return new CoffreError("UNREACHABLE", `${origin} is a standby, which may answer with what was true before`, {
    hint: "Name the active node in coffre:url, or an address that always leads to it.",
  });
}

export function badResponse({ origin, path }: Pick<Asked, "origin" | "path">, what: string): CoffreError {
  return new CoffreError("BAD_RESPONSE", `${origin} answered ${what} at ${path}`, {
    hint: "Is it a Vault or an OpenBao server, and the mount a KV version 2?",
  });
}

function failed(code: ErrorCode, { origin }: Asked, problem: string, hint: string): CoffreError {
  return new CoffreError(code, `${origin} ${problem}`, { hint });
}
