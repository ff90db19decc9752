#!/bin/sh
":"; // 2>/dev/null; exec /usr/bin/env node -- "$0" "$@"
// A shell starts this file, and ends with that line: Node itself would read the file of `coffre run --env-file`, and take
// variables such as NODE_OPTIONS from it, wherever on its command line the option stands, unless -- stands before.
// Plain JavaScript of an old dialect up to the version check: it must say something sensible on any Node.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import module, { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const MINIMUM = [24, 7];

if (isEnough(process.versions.node)) {
  keepCompiled();
  const main = new URL("../dist/cli/main.js", import.meta.url);
  if (existsSync(main)) {
    process.exitCode = await (await import(main.href)).main(process.argv.slice(2));
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

/** In a folder of this user's: Node's own choice lies below the system's folder for temporary files, where others write too. */
function keepCompiled() {
  try {
    module.enableCompileCache?.(join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "coffre", "compiled"));
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
    const manifest = createRequire(import.meta.url).resolve("node/package.json");
    const { version, bin } = JSON.parse(readFileSync(manifest, "utf8"));
    const executable = join(dirname(manifest), typeof bin === "string" ? bin : bin.node);
    return isEnough(version) && existsSync(executable) ? executable : undefined;
  } catch {
    return undefined;
  }
}

/** Runs this file again under another Node, as if it had been that one from the start. */
function runWith(executable) {
  const child = spawn(executable, ["--", fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
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
