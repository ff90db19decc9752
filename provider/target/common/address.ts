import { isIPv6 } from "node:net";
import type { TargetAddress } from "../port.js";

/**
 * One spelling for one host: lower case, punycode, IP addresses in their shortest form, no brackets, no final dot.
 * @returns `undefined` if the text is no host name or IP address, for example a URL or the path of a socket
 */
export function canonicalHost(text: string): string | undefined {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (!isIPv6(bare) && !/^[^\s/?#@\\:%[\]]+$/.test(bare)) return undefined;
  try {
    const { hostname } = new URL(`http://${isIPv6(bare) ? `[${bare}]` : bare}`);
    return hostname.replace(/^\[(.*)\]$/, "$1").replace(/(.)\.$/, "$1");
  } catch {
    return undefined;
  }
}

/** Reads `host`, `host:port`, an IPv6 address, or `[IPv6]:port`. @returns `undefined` for anything else */
export function parseAddress(text: string, defaultPort: number): TargetAddress | undefined {
  const [, bracketed, plain, portText] = /^(?:(\[[^\]]*\])|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = canonicalHost(bracketed ?? plain ?? text);
  const port = portText === undefined ? defaultPort : Number(portText);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** `host:port`, IPv6 in brackets. */
export function formatAddress({ host, port }: TargetAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

export { isLoopback } from "../../core/loopback.js";

/**
 * `<kind>://orders_app@db.example.com:5432`. The machine's own three names count as one host: taking one server's
 * account for two would let two credentials change it in turn; taking two servers' for one only asks for another port.
 */
export function accountOf(kind: string, username: string, { host, port }: TargetAddress): string {
  const own = host === "127.0.0.1" || host === "::1" ? "localhost" : host;
  return `${kind}://${encodeURIComponent(username)}@${formatAddress({ host: own, port })}`;
}
