import "../sources.ts";

// The `coffre` command from the sources; they are found only once the line above has run.
const { main } = await import("../../provider/cli/main.ts");
process.exitCode = await main(process.argv.slice(2));
