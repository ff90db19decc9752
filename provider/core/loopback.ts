import { isIPv4 } from "node:net";

/** True if packets to this host never leave the machine. Decided by the name alone: no look-up that could be forged. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}
