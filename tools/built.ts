import { registerHooks } from "node:module";

/**
 * As `sources.ts`, but the provider's modules are those that were built, which a process loads in half the time. Only for
 * commands that build first.
 */
const PROVIDER = new URL("../provider/", import.meta.url).href;
const BUILT = new URL("../dist/", import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const parent = context.parentURL ?? "";
    const ours = /^\.{1,2}\/.*\.js$/.test(specifier) && !parent.includes("/node_modules/") && !parent.startsWith(BUILT);
    if (!ours) return nextResolve(specifier, context);
    const { href } = new URL(specifier, parent);
    const found = href.startsWith(PROVIDER) ? BUILT + href.slice(PROVIDER.length) : href.replace(/\.js$/, ".ts");
    return nextResolve(found, context);
  },
});
