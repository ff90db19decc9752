import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** A script of ours with every module that it imports, as browsers load them. */
export interface ModuleGraph {
  /** The path of the script itself. */
  entry: string;
  /** Texts by path. */
  files: ReadonlyMap<string, string>;
}

/** Where an import or an export names its module; examples in comments don't begin a line. */
const IMPORT = /^(import\s*|(?:import|export)\b[^"';]*?\bfrom\s*)(["'])([^"']+)\2/gm;

/**
 * Reads a script and the libraries behind it as they were published. Nothing is changed in them but the names of what they import,
 * which a browser can't look for: they become paths below `root`. What all of them hold is part of each path, so that browsers
 * may keep them.
 */
export function readModuleGraph(script: URL, root: string): ModuleGraph {
  const sources = new Map<string, string>();
  const found = [fileURLToPath(script)];
  for (const file of found) {
    if (sources.has(file)) continue;
    const text = readFileSync(file, "utf8");
    sources.set(file, text);
    for (const [, , , name = ""] of text.matchAll(IMPORT)) found.push(resolve(file, name));
  }
  const files = [...sources.keys()];
  const digest = createHash("sha256")
    .update(JSON.stringify([...sources.values()]))
    .digest("hex")
    .slice(0, 16);
  const pathOf = (file: string) => `${root}${digest}/${files.indexOf(file)}-${basename(file)}`;
  const served = files.map((file): [string, string] => [
    pathOf(file),
    (sources.get(file) ?? "").replaceAll(IMPORT, (_all, before: string, quote: string, name: string) =>
      [before, quote, pathOf(resolve(file, name)), quote].join(""),
    ),
  ]);
  return { entry: pathOf(fileURLToPath(script)), files: new Map(served) };
}

function resolve(file: string, name: string): string {
  return name.startsWith(".") ? fileURLToPath(new URL(name, pathToFileURL(file))) : createRequire(file).resolve(name);
}
