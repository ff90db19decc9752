import { constants } from "node:fs";
import { access, realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { run } from "./command.ts";
import { EngineError } from "./errors.ts";
import { HOST_SOURCE, installHost } from "./host.ts";
import {
  cacheFolder,
  currentPlatform,
  engineFolderName,
  ENGINE_VERSION,
  isAtLeast,
  MINIMUM_VERSION,
} from "./version.ts";

/** An engine that runs. */
export interface Engine {
  /** Absolute path of `pulumi`. */
  readonly executable: string;
  /** As `pulumi version` prints it, without the leading v. */
  readonly version: string;
  /** Where it came from. */
  readonly source: "override" | "path" | "cache" | "download" | "build";
  /** Folders to put first on PATH of whoever runs it, so that engine and language host are found. */
  readonly pathFolders: readonly string[];
}

const VERSION_TIMEOUT_MS = 20_000; // a slow disk reads the 110 MB executable for seconds the first time

/** The name of an executable file on this system. */
export const executableName = (name: string) => (process.platform === "win32" ? `${name}.exe` : name);

/** Whether a file can be run. */
export const isExecutable = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** @returns the first executable of that name on PATH. */
export async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const candidate = join(folder, executableName(name));
    if (folder !== "" && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

/** @returns what `pulumi version` prints, without the v; `undefined` if it doesn't run. */
export async function engineVersion(executable: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { exitCode, stdout } = await run(executable, ["version"], {
    env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeoutMs: VERSION_TIMEOUT_MS,
  });
  return exitCode === 0 ? stdout.trim().replace(/^v/, "") : undefined;
}

async function hasLanguageHost(executable: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const beside = join(dirname(await realpath(executable)), executableName("pulumi-language-nodejs"));
  return (await isExecutable(beside)) || (await findOnPath("pulumi-language-nodejs", env)) !== undefined;
}

async function overridden(executable: string, env: NodeJS.ProcessEnv): Promise<Engine> {
  const hint = "Set COFFRE_ENGINE to the path of the `pulumi` executable, or unset it to have one found or made.";
  const version = await engineVersion(executable, env);
  if (version === undefined)
    throw new EngineError("ENGINE_NOT_FOUND", `COFFRE_ENGINE=${executable} does not run as \`pulumi version\`.`, hint);
  if (!isAtLeast(version, MINIMUM_VERSION))
    throw new EngineError(
      "ENGINE_TOO_OLD",
      `COFFRE_ENGINE=${executable} is version ${version}; ${MINIMUM_VERSION} or newer is needed.`,
      hint,
    );
  const host = (await hasLanguageHost(executable, env)) ? [] : [HOST_SOURCE];
  return { executable, version, source: "override", pathFolders: [dirname(executable), ...host] };
}

async function onPath(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<Engine | undefined> {
  const executable = await findOnPath("pulumi", env);
  if (!executable) return undefined;
  const version = await engineVersion(executable, env);
  if (version === undefined) say(`${executable} does not run, so it is passed over.`);
  else if (!isAtLeast(version, MINIMUM_VERSION))
    say(`${executable} is version ${version}, older than ${MINIMUM_VERSION}, so it is passed over.`);
  else if (!(await hasLanguageHost(executable, env)))
    say(`${executable} comes without pulumi-language-nodejs, so it is passed over.`);
  else return { executable, version, source: "path", pathFolders: [dirname(executable)] };
  return undefined;
}

/** @returns the engine that an earlier setup put in the cache; its folder only exists once the engine has been run. */
export async function cachedEngine(env: NodeJS.ProcessEnv): Promise<Engine | undefined> {
  const platform = currentPlatform();
  if (!platform) return undefined;
  const folder = join(cacheFolder(env), engineFolderName(platform));
  const executable = join(folder, executableName("pulumi"));
  if (!(await isExecutable(executable))) return undefined;
  await installHost(folder);
  return {
    executable,
    version: ENGINE_VERSION,
    source: "cache",
    pathFolders: [folder],
  };
}

/**
 * Looks for an engine without getting one: COFFRE_ENGINE, then PATH, then the cache.
 *
 * @throws EngineError ENGINE_NOT_FOUND or ENGINE_TOO_OLD, only for what COFFRE_ENGINE names.
 */
export async function locateEngine(
  env: NodeJS.ProcessEnv = process.env,
  say: (line: string) => void = () => {},
): Promise<Engine | undefined> {
  if (env.COFFRE_ENGINE) return overridden(env.COFFRE_ENGINE, env);
  return (await onPath(env, say)) ?? (await cachedEngine(env));
}
