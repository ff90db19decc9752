import { readFileSync } from "node:fs";
import { CoffreError } from "../core/errors.js";

/** What the network said. */
export function unreachable({ origin }: { origin: string }, cause: unknown): CoffreError {
  const code = systemCode(cause);
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

/** The PEM file that `caFile` of a vault's URL names. @throws CoffreError CONFIGURATION */
export function readAuthority(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CoffreError("CONFIGURATION", `The caFile ${path} of coffre:url can't be read`, {
      hint: "Name the PEM file of the authority that signed the server's certificate.",
      cause: error,
    });
  }
}
