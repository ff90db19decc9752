import { delimiter, join } from "node:path";
import { EngineError } from "../engine/errors.ts";
import { PACKAGE_FOLDER, build, installPackage } from "./build.ts";
import { ChildFailed, ROOT, run, type RunOptions, say } from "./processes.ts";

/** What a task needs before it starts, and what it runs. */
interface Task {
  engine?: boolean;
  /** Whether it starts Linux hosts: their tools are installed, or only what is there already is made ready meanwhile. */
  hosts?: "install" | "prepare";
  /** Folders that the packed package is put into. */
  packages?: string[];
  run: (args: string[]) => Promise<unknown>;
}

const EXAMPLE_PACKAGE = join(ROOT, "examples/vm-and-database/node_modules/coffre");
const ROOMS = ["unit", "contract", "server", "cli", "stack", "leak", "crash"];
const FAST_TESTS = ["--testPathPatterns", ...ROOMS.map((room) => `test/${room}/`)];
const NOT_FAST = ["/node_modules/", "test/.work/", "\\.slow\\.test\\.ts$"];

const jest = (args: string[]) =>
  run(process.execPath, ["--experimental-vm-modules", "node_modules/jest/bin/jest.js", ...args], {
    env: { NODE_OPTIONS: "--disable-warning=ExperimentalWarning" },
    quietStdout: false,
  });
const node = (file: string, args: string[], options: RunOptions = {}) =>
  run(process.execPath, ["--disable-warning=ExperimentalWarning", file, ...args], { ...options, quietStdout: false });
/** Whether a person asked for certain tests: `npm test -- postgres`, `npm test -- --testPathPatterns stack/life`. */
const namesTests = ([first = "", ...rest]: string[]) =>
  (first !== "" && !first.startsWith("-")) || [first, ...rest].some((word) => word.startsWith("--testPathPattern"));
const typeTests = () => run("tsc", ["-p", "test/types/tsconfig.json"]);

const TASKS: Record<string, Task> = {
  build: { run: async () => undefined },
  check: {
    run: async (args) => {
      await run("prettier", ["--check", "--log-level", "warn", "."]);
      await run("eslint", ["provider", "test", "tools", "examples"]);
      await run("tsc", ["-p", "tsconfig.test.json"]);
      await typeTests();
      await jest([...args, "--testPathPatterns", "test/unit/"]);
    },
  },
  test: {
    engine: true,
    hosts: "install",
    packages: [PACKAGE_FOLDER],
    run: async (args) => {
      if (!namesTests(args)) await typeTests();
      await jest([...args, "--testPathIgnorePatterns", ...NOT_FAST, ...(namesTests(args) ? [] : FAST_TESTS)]);
    },
  },
  "test:slow": {
    engine: true,
    hosts: "install",
    packages: [PACKAGE_FOLDER],
    run: (args) => jest([...args, "--testMatch", "**/test/**/*.slow.test.ts"]),
  },
  bench: {
    engine: true,
    hosts: "install",
    packages: [PACKAGE_FOLDER],
    run: (args) => node("tools/bench/main.ts", args),
  },
  crash: {
    engine: true,
    hosts: "install",
    packages: [PACKAGE_FOLDER],
    run: (args) => node("test/crash/main.ts", args, { ownSession: true }),
  },
  quickstart: {
    engine: true,
    hosts: "prepare",
    packages: [EXAMPLE_PACKAGE],
    run: (args) => node("tools/quickstart/main.ts", args),
  },
};

/** Taking down what isn't there needs no engine, which may take minutes to build. */
async function hasNothingToDo(name: string | undefined, args: string[]): Promise<boolean> {
  if (name !== "quickstart" || !args.includes("--destroy")) return false;
  const { findPlaces, isUp } = await import("../quickstart/places.ts");
  return !isUp(findPlaces());
}

/** Help and wrong usage are answered by the task itself, and need no engine. */
const asksForHelp = (args: string[]) => args.includes("--help") || args.includes("-h");

/** Without them the tests on machines have only a stand-in, and those on MariaDB are skipped. */
async function installHostTools(): Promise<void> {
  const { installPackages } = await import("./packages.ts");
  const { missingPackages } = await import("../linux-hosts/packages.ts");
  const { missingMariadbPackages } = await import("../mariadb/binaries.ts");
  const missing = [...missingPackages(), ...missingMariadbPackages()];
  if (missing.length === 0) return;
  say(`Installing the Debian packages ${missing.join(", ")}, for the test hosts and MariaDB; none is started ...`);
  await installPackages(missing).catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    say("The tests that need them say that they do without.");
  });
}

/** The file system that all hosts share. What can't be made here is said by whoever needs it. */
async function prepareHosts(): Promise<void> {
  const { findWay } = await import("../linux-hosts/way.ts");
  const { ensureBase } = await import("../linux-hosts/base.ts");
  const { way } = findWay();
  if (way !== "stand-in") await ensureBase(way, say).catch(() => undefined);
}

async function main([name, ...args]: string[]): Promise<void> {
  const task = TASKS[name ?? ""];
  if (!task) {
    say(`Usage: node tools/setup/run.mjs <task> [arguments]\nTasks: ${Object.keys(TASKS).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  if (await hasNothingToDo(name, args)) {
    await task.run(args);
    return;
  }
  await build();
  // While the engine is fetched or built, which waits for the network for much of its time.
  const hosts = task.hosts === "prepare" && args.length === 0 ? prepareHosts() : undefined;
  if (task.engine === true && !asksForHelp(args)) {
    const { ensureEngine } = await import("../engine/ensure.ts");
    const engine = await ensureEngine();
    process.env["PATH"] = [...engine.pathFolders, process.env["PATH"] ?? ""].join(delimiter);
  }
  await hosts;
  if (task.hosts === "install" && !asksForHelp(args)) await installHostTools();
  for (const folder of task.packages ?? []) await installPackage(folder);
  await task.run(args);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof ChildFailed) process.exitCode = error.exitCode;
  else if (error instanceof EngineError) {
    say(`\n${error.code}: ${error.message}\n${error.hint}`);
    process.exitCode = 1;
  } else {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
