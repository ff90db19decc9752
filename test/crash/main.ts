import "../../tools/sources.ts";

/** A second Ctrl-C after this time ends it at once; before it, it is the same one, passed on by more than one process. */
const IMPATIENCE_MS = 1_000;
const INTERRUPTED = 130;

let interruptedAt: number | undefined;
process.on("SIGINT", () => {
  if (interruptedAt === undefined) {
    interruptedAt = performance.now();
    process.stderr.write("Interrupted: what is under way is finished, and what was found by then is reported.\n");
  } else if (performance.now() - interruptedAt > IMPATIENCE_MS) process.exit(INTERRUPTED);
});

// The sources are found only once the line above has run, so everything else is loaded after it.
const { crash } = await import("./command.ts");
process.exitCode = await crash(process.argv.slice(2));
