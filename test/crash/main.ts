import "../../tools/sources.ts";

// The sources are found only once the line above has run, so everything else is loaded after it.
const { crash } = await import("./command.ts");
process.exitCode = await crash(process.argv.slice(2));
