#!/bin/sh
":"; // 2>/dev/null; exec /usr/bin/env node -- "$0" "$@"
// A shell starts this file, and ends with that line: Node itself would read the file of `coffre run --env-file`, and take
// variables such as NODE_OPTIONS from it, wherever on its command line the option stands, unless -- stands before.
// Plain JavaScript of an old dialect up to the version check: it must say something sensible on any Node.
// CommonJS (package.json beside it): an `import` of Node's modules loads all that hangs on their names, too.
const { existsSync, readFileSync } = require("node:fs");
const nodeModule = require("node:module");
const { homedir } = require("node:os");
const { dirname, join } = require("node:path");

const MINIMUM = [24, 7];
const DIST = join(__dirname, "../dist");
/** What the quick program knows, see provider/cli/quick.ts. Only an agent's answers are quick. */
const QUICK = process.env["COFFRE_AGENT"] ? ["run", "inject"] : [];
const QUICK_PROGRAM = join(DIST, "quick.cjs");

if (isEnough(process.versions.node)) {
  keepCompiled();
  if (existsSync(join(DIST, "cli/main.js"))) {
    runCommand(process.argv.slice(2)).then((exitCode) => {
      process.exitCode = exitCode;
    });
  } else {
    fail("it isn't built: run `npm run build` in its checkout.");
  }
} else {
  const other = findNewerNode();
  if (other === undefined) {
    fail(
      `Node ${MINIMUM.join(".")} or newer is needed, this is ${process.versions.node}. ` +
        "Install it, or its npm package beside this one: `npm install node@24`.",
    );
  } else {
    runWith(other);
  }
}

async function runCommand(words) {
  const isQuick = QUICK.includes(words[0]) && existsSync(QUICK_PROGRAM); // missing where only tsc has run
  const exitCode = isQuick ? await require(QUICK_PROGRAM).quick(words) : undefined;
  return exitCode ?? (await import("../dist/cli/main.js")).main(words);
}

/** In a folder of this user's: Node's own choice lies below the system's folder for temporary files, where others write too. */
function keepCompiled() {
  try {
    nodeModule.enableCompileCache?.(
      join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "coffre", "compiled"),
    );
  } catch {
    // A user without a home folder: it starts slower.
  }
}

function isEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

/** The npm package `node`, where it is installed beside this one or in a project that this one is installed in. */
function findNewerNode() {
  try {
    const manifest = require.resolve("node/package.json");
    const { version, bin } = JSON.parse(readFileSync(manifest, "utf8"));
    const executable = join(dirname(manifest), typeof bin === "string" ? bin : bin.node);
    return isEnough(version) && existsSync(executable) ? executable : undefined;
  } catch {
    return undefined;
  }
}

/** Runs this file again under another Node, as if it had been that one from the start. */
function runWith(executable) {
  const { spawn } = require("node:child_process");
  const child = spawn(executable, ["--", __filename, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on("error", () => fail(`${executable} could not be started.`));
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code;
      return;
    }
    for (const each of signals) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}

function fail(problem) {
  process.stderr.write(`coffre: ${problem}\n`);
  process.exitCode = 1;
}
