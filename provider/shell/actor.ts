import { hostname, userInfo } from "node:os";

/** Who asks, for the vault's event log: `ana@runner-3 (pulumi)`. */
export function actor(front: string): string {
  return `${userName()}@${hostname()} (${front})`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${String(process.getuid?.() ?? "unknown")}`; // containers run as ids that have no name
  }
}
