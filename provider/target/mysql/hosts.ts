import { BlockList, isIP } from "node:net";

/** True if the host of an account stands for where a login comes from: a name, an address, a pattern with % and _, or a network. */
export function hostMatches(pattern: string, host: string): boolean {
  const [network = "", mask = ""] = pattern.split("/");
  if (mask !== "") return isInNetwork(network, mask, host);
  const source = pattern
    .toLowerCase()
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".");
  return new RegExp(`^${source}$`, "s").test(host.toLowerCase());
}

/** How early the server tries an account of several that match: the more before a wildcard the earlier, those without one first. */
export function hostRank(pattern: string): number {
  const wildcard = pattern.search(/[%_]/);
  return wildcard < 0 ? Infinity : wildcard;
}

function isInNetwork(network: string, mask: string, host: string): boolean {
  const bits = mask
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("");
  if (isIP(network) !== 4 || isIP(host) !== 4 || !/^1*0*$/.test(bits) || bits.length !== 32) return false;
  const list = new BlockList();
  list.addSubnet(network, bits.replaceAll("0", "").length, "ipv4");
  return list.check(host, "ipv4");
}
