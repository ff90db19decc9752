import "../sources.ts";

// The sources are found only once the line above has run, so everything else is loaded after it.
const { bench } = await import("./command.ts");
process.exitCode = await bench(process.argv.slice(2));
