import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { lastLines, run } from "./command.ts";
import { EngineError } from "./errors.ts";
import { findGo, requiredGo, type Surroundings, waysOut } from "./go.ts";
import { installHost } from "./host.ts";
import { ENGINE_VERSION } from "./version.ts";

const PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/**
 * How Go compiles, for a build of half the time. The linker drops debug information anyway. Inlining is left to Go's own
 * library: an `up` of 250 resources takes the same processor time either way. The last pattern that fits a package counts.
 */
const COMPILER = ["-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false"];
const FLAGS = ["-trimpath", "-tags=disable_grpc_modules", ...COMPILER]; // the tag: see go.mod
const COMPILER_GC = "400"; // a third less time in the compiler's own garbage collection, for some 250 MB more at once

/** What Go prints when it can't reach the module proxy, in its many forms. */
const NETWORK_PROBLEM =
  /dial tcp|no such host|connection refused|network is unreachable|i\/o timeout|TLS handshake timeout|proxyconnect|disabled by GOPROXY=off|certificate signed by unknown authority/;

/**
 * Builds the engine from the Go module proxy into `folder`, with our language host beside it. Go keeps what it downloads and
 * compiles in its own caches, so a build that was cut off goes on where it stopped.
 *
 * @throws EngineError NO_GO, GO_TOO_OLD, NO_NETWORK, BUILD_FAILED.
 */
export async function buildEngine(folder: string, surroundings: Surroundings): Promise<void> {
  const { env, progress, moduleFolder } = surroundings;
  const go = await findGo(surroundings);
  const options = {
    cwd: moduleFolder,
    // No C compiler is needed, and settings for the user's own Go projects don't apply here.
    env: { ...env, CGO_ENABLED: "0", GOGC: COMPILER_GC, GOWORK: "off", GOFLAGS: "-mod=readonly -buildvcs=false" },
  };
  progress.say(
    `Building Pulumi ${ENGINE_VERSION} from source with ${go}. It is done once; 2 cores need 2 to 4 minutes.`,
  );

  let downloaded = 0;
  const onDownload = (line: string) => void (downloaded += line.startsWith("go: downloading") ? 1 : 0);
  // The compiler starts on Go's own library while the modules come in.
  const library = run(go, ["build", ...FLAGS, "std"], options);
  const list = await progress.during(
    "Downloading the modules (300 MB)",
    run(go, ["list", "-deps", ...FLAGS, PACKAGE], { ...options, onLine: onDownload }),
    () => `${String(downloaded)} modules`,
  );
  await library; // if it failed, so will the build below, which reports it
  if (list.exitCode !== 0) throw await failure("Downloading the engine's source", list.stderr, moduleFolder);

  const total = list.stdout.trim().split("\n").length;
  let compiled = 0;
  const ldflags = `-s -w -X ${VERSION_VARIABLE}=v${ENGINE_VERSION}`;
  await mkdir(folder, { recursive: true });
  const build = await progress.during(
    "Compiling",
    run(go, ["build", "-v", ...FLAGS, "-ldflags", ldflags, "-o", join(folder, "pulumi"), PACKAGE], {
      ...options,
      onLine: () => void compiled++,
    }),
    () => `${String(compiled)} of up to ${String(total)} packages`,
  );
  if (build.exitCode !== 0) throw await failure("Building the engine", build.stderr, moduleFolder);
  await installHost(folder);
}

async function failure(what: string, stderr: string, moduleFolder: string): Promise<EngineError> {
  const text = lastLines(stderr.replace(/^[\w./~-]+$\n/gm, "")); // without the names that `go build -v` prints
  if (NETWORK_PROBLEM.test(stderr))
    return new EngineError(
      "NO_NETWORK",
      `${what} failed, because the Go module proxy can't be reached:\n${text}`,
      `Check GOPROXY and the network. ${waysOut(await requiredGo(moduleFolder))}`,
    );
  return new EngineError("BUILD_FAILED", `${what} failed:\n${text}`, waysOut(await requiredGo(moduleFolder)));
}
