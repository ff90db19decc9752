import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleQuick } from "./bundle.ts";
import { ROOT, run, say } from "./processes.ts";

/** Where the packed package lies for projects of tests and benches, as if npm had installed it. */
export const PACKAGE_FOLDER = join(ROOT, "test/.work/pkg/node_modules/coffre");

const BUILD_STAMP = join(ROOT, "dist/.stamp");

function digestOf(patterns: string[]): string {
  const hash = createHash("sha256");
  const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT })).sort();
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update("\0");
  return hash.digest("hex");
}

/** What pages use, as it is: copied beside the compiled code. */
const ASSETS = "provider/**/assets/*.{css,js}";

const SOURCES = ["provider/**/*.{ts,cts}", ASSETS, "tsconfig.json", "package.json", "tools/setup/bundle.ts"];

/** Compiles `provider/` to `dist/`, unless nothing has changed since the last time. */
export async function build(): Promise<void> {
  const digest = digestOf(SOURCES);
  if (existsSync(BUILD_STAMP) && readFileSync(BUILD_STAMP, "utf8") === digest) return;
  say("Building (tsc, some 10 seconds) ...");
  await rm(join(ROOT, "dist"), { recursive: true, force: true });
  await run("tsc", ["-p", "tsconfig.json"]);
  for (const file of globSync(ASSETS, { cwd: ROOT })) {
    await cp(join(ROOT, file), join(ROOT, file.replace("provider", "dist")));
  }
  await bundleQuick(join(ROOT, "dist"));
  await writeFile(BUILD_STAMP, digest);
}

/**
 * Puts what `npm pack` would publish into `folder`, really and not by a link: Pulumi captures the code of a linked package
 * into the state instead of naming its module.
 */
export async function installPackage(folder: string): Promise<void> {
  const digest = digestOf([...SOURCES, "bin/*"]);
  const stamp = join(folder, ".stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  say(`Packing coffre into ${folder.slice(ROOT.length + 1)} ...`);
  const next = `${folder}.next`;
  await rm(next, { recursive: true, force: true });
  await mkdir(next, { recursive: true });
  const tarball = await run("npm", ["pack", "--silent", "--json=false", "--pack-destination", next], { capture: true });
  await run("tar", ["-xzf", join(next, tarball.trim()), "-C", next, "--strip-components=1"]);
  await rm(join(next, tarball.trim()));
  await writeFile(join(next, ".stamp"), digest);
  await rm(folder, { recursive: true, force: true });
  await rename(next, folder);
}
