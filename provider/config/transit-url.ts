import { CoffreError } from "../core/errors.js";
import { describeNameProblem } from "../core/name.js";
import { parseServerUrl, type ServerUrl } from "./server-url.js";

/** A key in the transit engine of HashiCorp Vault or OpenBao that opens a vault in a file. */
export interface TransitUrl extends Pick<ServerUrl, "origin" | "namespace" | "caFile" | "login"> {
  /** Path of the transit engine. */
  mount: string;
  /** Name of the key in it. */
  key: string;
  /** The whole URL; no secret in it. */
  href: string;
}

const SHAPE =
  "Write vault+https://host:8200/<mount>?key=<name>, with namespace=, caFile=, auth= and more where needed.";

/**
 * Reads `vault+https://vault.example.com/transit?key=coffre&auth=approle&roleId=…`.
 * @throws CoffreError CONFIGURATION that names the part that is wrong, and never what stands in it
 */
export function parseTransitUrl(
  text: string,
  { folder, home, source }: { folder: string; home: string; source: string },
): TransitUrl {
  const wrongUrl = (problem: string, hint: string): CoffreError =>
    new CoffreError("CONFIGURATION", `The transit key's URL (${source}) ${problem}`, { hint });
  const scheme = /^(vault\+https?):\/\//i.exec(text)?.[1]?.toLowerCase();
  const plain = text.slice("vault+".length);
  if ((scheme !== "vault+https" && scheme !== "vault+http") || !URL.canParse(plain)) {
    throw wrongUrl("can't be read", SHAPE);
  }
  const url = new URL(plain);
  const [key = "", ...more] = url.searchParams.getAll("key");
  if (more.length > 0 || describeNameProblem(key) !== undefined) throw wrongUrl("names no key, or not one", SHAPE);
  url.searchParams.delete("key");
  const query = url.searchParams.size === 0 ? "" : `?${url.searchParams.toString()}`;
  const server = parseServerUrl(`${text.split(/[?#]/)[0] ?? ""}${query}${url.hash}`, scheme, {
    folder,
    home,
    wrongUrl,
  });
  if (server.root.length > 0) throw wrongUrl("has a root, which a transit engine doesn't", SHAPE);
  const { origin, mount, namespace, caFile, login, href } = server;
  return {
    origin,
    mount,
    key,
    ...(namespace === undefined ? {} : { namespace }),
    ...(caFile === undefined ? {} : { caFile }),
    login,
    href: `${href}${href.includes("?") ? "&" : "?"}key=${encodeURIComponent(key)}`,
  };
}
