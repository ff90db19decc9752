import type { CredentialStatus } from "../port.js";

/** Of what costs a server more than its letters: nobody else is answered meanwhile. */
export const MOST_AT_ONCE = 10_000;

/** What a change is called by, random: the server carries out each once. */
export const REQUEST_HEADER = "x-coffre-request";
/** Which start of the server answers; of a repeated change, which one it was sent to first. */
export const SERVER_HEADER = "x-coffre-server";
/** The caller's machine, by which refused logins of a host are counted. */
export const SOURCE_HEADER = "x-coffre-source";

/** Every status of a credential that an answer may have. */
export const STATUSES = [
  "current",
  "rotating",
  "needs-attention",
  "awaiting-value",
  "awaiting-rotation",
  "archived",
] as const satisfies readonly CredentialStatus[];
