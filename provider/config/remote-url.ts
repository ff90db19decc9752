import { isLoopback } from "../core/loopback.js";
import { fileOf, type ServerUrlBase } from "./server-url.js";

/** A vault behind `coffre serve`. */
export interface RemoteUrl {
  scheme: "coffre+https" | "coffre+http";
  /** There is no file. */
  path?: undefined;
  /** `https://vault.example.com:8730`. */
  origin: string;
  /** Absolute path of the PEM file of the server's authority. */
  caFile?: string;
  /** Who asks is said by a token. */
  login: { by: "token" };
  /** The whole URL, canonical; no secret in it. */
  href: string;
}

/** Whether the vault is behind `coffre serve`. */
export function isRemote(url: { scheme: string }): url is RemoteUrl {
  return url.scheme === "coffre+https" || url.scheme === "coffre+http";
}

const DEFAULT_PORT = "8730";
const SHAPE = "Write coffre+https://host:8730, with ?caFile= where its authority isn't known to this machine.";

/**
 * Reads `coffre+https://vault.example.com:8730?caFile=./ca.pem`; plain `coffre+http://` is for loopback only.
 * @throws CoffreError CONFIGURATION that names the part that is wrong, and never what stands in it
 */
export function parseRemoteUrl(text: string, scheme: RemoteUrl["scheme"], base: ServerUrlBase): RemoteUrl {
  const { wrongUrl } = base;
  const plain = text.slice("coffre+".length);
  if (!URL.canParse(plain)) throw wrongUrl("can't be read", SHAPE);
  const url = new URL(plain);
  if (url.username !== "" || url.password !== "") {
    throw wrongUrl("has a user name or password in it", "A token goes to COFFRE_TOKEN_FILE or COFFRE_TOKEN.");
  }
  if (url.hash !== "" || (url.pathname !== "/" && url.pathname !== "")) {
    throw wrongUrl("has more than a host", SHAPE);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (scheme === "coffre+http" && !isLoopback(host)) {
    throw wrongUrl(
      "is plain http, by which tokens and passwords travel readable",
      "Use coffre+https://; coffre+http:// is for a server on this machine, at 127.0.0.1 or localhost.",
    );
  }
  const [name, second] = [...url.searchParams.keys()];
  if (second !== undefined || (name !== undefined && name !== "caFile")) {
    throw wrongUrl("has a parameter that isn't one caFile", SHAPE);
  }
  const given = url.searchParams.get("caFile");
  if (given === "") throw wrongUrl("has an empty caFile", SHAPE);
  const caFile = given === null ? undefined : fileOf(given, base);
  // URL leaves out the port that is the scheme's own: 443 that was written is 443.
  const written = /^https?:\/\/[^/?#]*:(\d+)(?=[/?#]|$)/i.exec(plain)?.[1];
  const origin = `${url.protocol}//${url.hostname}:${written ?? DEFAULT_PORT}`;
  return {
    scheme,
    origin,
    ...(caFile === undefined ? {} : { caFile }),
    login: { by: "token" },
    href: `coffre+${origin}${caFile === undefined ? "" : `?${new URLSearchParams({ caFile }).toString()}`}`,
  };
}
