import { createInterface } from "node:readline";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { copiesIn } from "../../provider/sync/copies-in.js";
import { syncVault } from "../../provider/sync/sync.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";

/** A process of its own that syncs the vault at argv[2] into the one at argv[3]; the key of both comes on stdin. */
const [, , from = "", to = ""] = process.argv;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const key = { keyText: new Secret(String((await lines.next()).value)) };
const [source, destination] = [from, to].map((path) =>
  openEmbeddedVault({ path, key, actor: "a test", clock: systemClock }),
);
if (!source || !destination) throw new Error("two paths are needed");
const { id, name } = await source.identity();
await destination.identity();
const job = { source: { id, name }, categoryId: null, prefix: ["Mirror"] };
process.stdout.write("ready\n");
await syncVault({ source, store: copiesIn(destination, job, systemClock), job });
process.stdout.write("done\n");
await Promise.all([source.close(), destination.close()]);
process.stdin.destroy();
