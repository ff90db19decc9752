import { join, relative, resolve } from "node:path";
import { build as bundle, type Plugin } from "esbuild";

/** What the quick program loads on demand, besides what its modules import at their tops. */
const ON_DEMAND = [
  "cli/commands/inject.js",
  "cli/commands/run.js",
  "vault/agent/ask.js",
  "vault/agent/open.js",
  "vault/socket-connection.js",
];

/**
 * Puts the quick program (`provider/cli/quick.ts`) into one file, `dist/quick.cjs`, with all that it is made of but packages.
 * @param dist the folder of what was compiled
 * @returns the paths of the modules in it, from that folder
 */
export async function bundleQuick(dist: string): Promise<string[]> {
  const { metafile } = await bundle({
    entryPoints: [join(dist, "cli/quick.js")],
    outfile: join(dist, "quick.cjs"),
    bundle: true,
    platform: "node",
    target: "node24",
    // In this form Node loads a module of its own without all that hangs on its names, as it has to for an `import`.
    format: "cjs",
    packages: "external",
    define: { "import.meta.url": "__filename" }, // for `createRequire`, which finds packages from here as from anywhere else
    plugins: [leaveOut(ON_DEMAND.map((path) => join(dist, path)))],
    metafile: true,
  });
  return Object.keys(metafile.inputs).map((path) => relative(dist, resolve(path)));
}

/**
 * What else is loaded on demand stays out, and can't be reached from there: it would bring copies of what is in the file, and a
 * copy of a class isn't that class.
 */
function leaveOut(taken: readonly string[]): Plugin {
  return {
    name: "leave-out",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ kind, resolveDir, path }) => {
        if (kind !== "dynamic-import" || taken.includes(resolve(resolveDir, path))) return undefined;
        return { path: `not-in-quick:${path}`, external: true };
      });
    },
  };
}
