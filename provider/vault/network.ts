import { readFileSync } from "node:fs";
import type { Agent } from "undici";
import { CoffreError } from "../core/errors.js";

/** What the network said. */
export function unreachable({ origin }: { origin: string }, cause: unknown): CoffreError {
  const code = systemCode(cause);
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return new CoffreError("UNREACHABLE", `${origin} doesn't speak TLS (${code})`, {
      hint: "Is the port right? A server on this machine without TLS is named with +http:// in place of +https://.",
      cause,
    });
  }
  if (code !== undefined && /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    return new CoffreError("TLS_NOT_TRUSTED", `The certificate of ${origin} isn't trusted (${code})`, {
      hint: "Name its authority's certificate by caFile in coffre:url; check the host name that it is for.",
      cause,
    });
  }
  return new CoffreError("UNREACHABLE", `${origin} didn't answer${code === undefined ? "" : ` (${code})`}`, {
    hint: "Check coffre:url, the network, and whether the server runs.",
    cause,
  });
}

function systemCode(error: unknown): string | undefined {
  for (let inner = error; typeof inner === "object" && inner !== null;) {
    if ("code" in inner && typeof inner.code === "string") return inner.code;
    inner = "cause" in inner ? inner.cause : undefined;
  }
  return undefined;
}

/** How connections to a server are made. */
export interface Connections {
  /** At once. */
  most: number;
  connectMs: number;
  /** For the head of an answer, and for a pause in its body. */
  answerMs: number;
  /** Absolute path of a PEM file: the authority that signed the server's certificate. Default: those that Node knows. */
  caFile?: string | undefined;
}

/** Keeps connections to one server. @throws CoffreError CONFIGURATION for a CA file that can't be read */
export async function connectAgent(connections: Connections): Promise<Agent> {
  const { most, connectMs, answerMs, caFile } = connections;
  const ca = caFile === undefined ? {} : { ca: readAuthority(caFile) };
  const { Agent } = await import("undici");
  return new Agent({
    connections: most,
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    connect: { timeout: connectMs, ...ca },
  });
}

/** The PEM file that `caFile` of a vault's URL names. @throws CoffreError CONFIGURATION */
function readAuthority(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CoffreError("CONFIGURATION", `The caFile ${path} of coffre:url can't be read`, {
      hint: "Name the PEM file of the authority that signed the server's certificate.",
      cause: error,
    });
  }
}
