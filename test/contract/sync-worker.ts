import { createInterface } from "node:readline";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { copiesIn } from "../../provider/sync/copies-in.js";
import { syncVault } from "../../provider/sync/sync.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { type HashicorpPlace, openHashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import type { Vault } from "../../provider/vault/port.js";

/**
 * A process of its own that syncs the vault at argv[2] into the one at argv[3]: a file, or a mount of the server at argv[4].
 * The key of the files and the server's token come as lines on stdin.
 */
const [, , from = "", to = "", origin] = process.argv;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const nextLine = async () => new Secret(String((await lines.next()).value));
const key = { keyText: await nextLine() };
const token = await nextLine();
const who = { actor: "a test", clock: systemClock };
const source = openEmbeddedVault({ path: from, key, ...who });
const destination: Vault =
  origin === undefined
    ? openEmbeddedVault({ path: to, key, ...who })
    : openHashicorpVault({ ...mountAt(origin), ...who });

function mountAt(server: string): HashicorpPlace {
  return { server: { origin: server }, mount: to, root: [], login: { method: { by: "token" }, secret: () => token } };
}

const { id, name } = await source.identity();
await destination.identity();
const job = { source: { id, name }, categoryId: null, prefix: ["Mirror"] };
process.stdout.write("ready\n");
await syncVault({ source, store: await copiesIn(destination, job, { clock: systemClock }), job });
process.stdout.write("done\n");
await Promise.all([source.close(), destination.close()]);
process.stdin.destroy();
