import { homedir } from "node:os";
import { join } from "node:path";

/** The engine that is downloaded or built where none is installed; `go.mod` pins the same one. */
export const ENGINE_VERSION = "3.250.0";

/**
 * The oldest engine of the user's own that is taken. It is the version that the tests run on: Coffre's type tokens rest on
 * the engine's handling of provider references, which isn't documented, so an older one would be a guess.
 */
export const MINIMUM_VERSION = "3.250.0";

/** The system that an engine runs on, in the words of Pulumi's release archives. */
export interface Platform {
  readonly os: "linux" | "darwin" | "windows";
  readonly arch: "x64" | "arm64";
}

/** @returns this machine's platform, `undefined` where Pulumi makes no release for it. */
export function currentPlatform(os: string = process.platform, arch: string = process.arch): Platform | undefined {
  const name = os === "win32" ? "windows" : os;
  if (name !== "linux" && name !== "darwin" && name !== "windows") return undefined;
  if (arch !== "x64" && arch !== "arm64") return undefined;
  return { os: name, arch };
}

/** Where engines are kept, outside every checkout so that a fresh clone finds what an earlier one made. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, os: string = process.platform): string {
  const home = env.HOME ?? homedir();
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, "coffre", "engine");
  if (os === "darwin") return join(home, "Library", "Caches", "coffre", "engine");
  if (os === "win32") return join(env.LOCALAPPDATA ?? join(home, "AppData", "Local"), "coffre", "cache", "engine");
  return join(home, ".cache", "coffre", "engine");
}

/** The folder of the pinned engine for one platform, inside {@link cacheFolder}. */
export const engineFolderName = ({ os, arch }: Platform) => `v${ENGINE_VERSION}-${os}-${arch}`;

/** @returns [3, 250, 0] from `v3.250.0`, `3.250.0-alpha.1` or `go1.25.11`; `undefined` where there is no number. */
export function parseVersion(text: string): [number, number, number] | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/** Whether `version` is the same as `minimum` or newer; false for text without a version. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [have, want] = [parseVersion(version), parseVersion(minimum)];
  if (!have || !want) return false;
  for (const index of [0, 1, 2] as const) if (have[index] !== want[index]) return have[index] > want[index];
  return true;
}
