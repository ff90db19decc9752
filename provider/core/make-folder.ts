import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder, mode 0700, and those above it that are missing. What is no folder and stands in its place is told by the write.
 * One after the other: Node's own `recursive` tries for ever where the system makes no folders, as in /proc.
 * @throws the system's own error
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Somebody else made it meanwhile; or something that is no folder stands there, which the write itself tells.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
