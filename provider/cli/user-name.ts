import { userInfo } from "node:os";

/** The operating system's name of the user who runs this, or what stands for it. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${String(process.getuid?.() ?? "unknown")}`; // containers run as ids that have no name
  }
}
