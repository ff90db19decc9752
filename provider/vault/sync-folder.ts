import { closeSync, fsyncSync, openSync } from "node:fs";

/** So that the new name survives a power cut, where the system lets a folder be synced. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
