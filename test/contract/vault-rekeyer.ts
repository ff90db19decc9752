import { createInterface } from "node:readline";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";

/** A process of its own that re-keys the vault at argv[2] once it is told to. The key comes first on stdin. */
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const keyText = new Secret(String((await lines.next()).value));
const vault = openEmbeddedVault({ path: process.argv[2] ?? "", key: { keyText }, actor: "other", clock: systemClock });
await vault.identity();
process.stdout.write("ready\n");
await lines.next();
for (;;) {
  await vault.rekey();
  process.stdout.write("rekeyed\n");
}
