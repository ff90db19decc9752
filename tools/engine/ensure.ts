import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { buildEngine } from "./build.ts";
import { downloadEngine } from "./download.ts";
import { EngineError } from "./errors.ts";
import { MODULE_FOLDER, type Surroundings, USUAL_GO_PLACES } from "./go.ts";
import { cachedEngine, type Engine, engineVersion, executableName, locateEngine } from "./locate.ts";
import { isAlive, withLock } from "./lock.ts";
import { createProgress, type Progress } from "./progress.ts";
import { cacheFolder, currentPlatform, engineFolderName, ENGINE_VERSION, type Platform } from "./version.ts";

/** For tests; the defaults are this process's own. */
export interface EnsureOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly progress?: Progress;
  /** `null` stands for a system that Pulumi has no release for. */
  readonly platform?: Platform | null;
  readonly moduleFolder?: string;
  readonly goPlaces?: readonly string[];
  readonly answerMs?: number;
}

/**
 * Makes sure of an engine: the user's own, the cached one, else the official release, else one built from source. What it makes
 * lies in the cache folder outside the checkout and appears there complete or not at all.
 *
 * @throws EngineError with any of its codes.
 */
export async function ensureEngine(options: EnsureOptions = {}): Promise<Engine> {
  const env = options.env ?? process.env;
  const progress = options.progress ?? createProgress();
  const found = await locateEngine(env, (line) => progress.say(line));
  if (found) return found;
  const platform = options.platform === undefined ? currentPlatform() : options.platform;
  if (!platform)
    throw new EngineError(
      "UNSUPPORTED_PLATFORM",
      `There is no Pulumi release for ${process.platform} on ${process.arch}.`,
      "Coffre runs where Pulumi does: Linux, macOS and Windows on x64 or arm64.",
    );
  const { moduleFolder = MODULE_FOLDER, goPlaces = USUAL_GO_PLACES, answerMs = 5_000 } = options;
  const surroundings = { env, progress, moduleFolder, goPlaces, answerMs };
  const folder = join(cacheFolder(env), engineFolderName(platform));
  await mkdir(dirname(folder), { recursive: true });
  return withLock(
    `${folder}.lock`,
    async () => (await cachedEngine(env)) ?? make(folder, platform, surroundings),
    (owner) => progress.say(`Another setup (${owner}) is getting the engine; waiting for it.`),
  );
}

async function make(folder: string, platform: Platform, surroundings: Surroundings): Promise<Engine> {
  const { env, progress } = surroundings;
  const temporary = `${folder}.tmp-${String(process.pid)}`;
  await sweep(temporary);
  progress.say(`No Pulumi ${ENGINE_VERSION} or newer is installed. One will be put into ${folder}.`);
  try {
    const source = await fill(temporary, platform, surroundings);
    const executable = join(temporary, executableName("pulumi"));
    const version = await engineVersion(executable, env);
    if (version !== ENGINE_VERSION)
      throw new EngineError(
        source === "build" ? "BUILD_FAILED" : "DOWNLOAD_FAILED",
        `The new engine answers ${version === undefined ? "nothing" : `version ${version}`} instead of ${ENGINE_VERSION}.`,
        "This should not happen: please report it, with this system's name and version.",
      );
    await rm(folder, { recursive: true, force: true }); // it holds no engine that runs, or this would not be made
    await rename(temporary, folder);
    progress.say(`Pulumi ${ENGINE_VERSION} is ready in ${folder}.`);
    return { executable: join(folder, executableName("pulumi")), version, source, pathFolders: [folder] };
  } finally {
    await sweep(temporary);
  }
}

async function fill(folder: string, platform: Platform, surroundings: Surroundings) {
  const { env, progress } = surroundings;
  if (env.COFFRE_ENGINE_NO_DOWNLOAD === "1")
    progress.say("COFFRE_ENGINE_NO_DOWNLOAD=1: the official release is not tried.");
  else {
    const problem = await downloadEngine(folder, platform, surroundings);
    if (problem === undefined) return "download";
    progress.say(`The official release can't be had from here (${problem}): building from source.`);
  }
  if (platform.os === "windows")
    throw new EngineError(
      "UNSUPPORTED_PLATFORM",
      "On Windows the engine can't be built by this setup, and its release can't be downloaded.",
      "Install Pulumi 3.250.0 or newer (https://www.pulumi.com/docs/install/), then start again.",
    );
  await buildEngine(folder, surroundings);
  return "build";
}

/** Removes this setup's temporary files, and those of setups that were cut off. */
async function sweep(temporary: string): Promise<void> {
  const stem = basename(temporary).replace(/\d+$/, "");
  for (const entry of await readdir(dirname(temporary))) {
    if (!entry.startsWith(stem)) continue;
    const owner = Number.parseInt(entry.slice(stem.length));
    if (owner === process.pid || !isAlive(owner))
      await rm(join(dirname(temporary), entry), { recursive: true, force: true });
  }
}
