import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { restoreNew } from "../../provider/vault/embedded/backup/restore.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";

/**
 * A process of its own that keeps the vault at argv[2] as the word in argv[3] says, again and again once it is told to, with
 * the folder or file in argv[4]. On stdin come first the key and then the recipient, or the identity, of its backups.
 */
const [, , path = "", task = "", place = ""] = process.argv;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const nextLine = async () => String((await lines.next()).value);
const key = { keyText: new Secret(await nextLine()) };
const other = await nextLine();
const common = { actor: "other", clock: systemClock };
const source = { file: place, identities: [new Secret(other)] };
const vault = openEmbeddedVault({ path, key, ...common });
await vault.identity();

const tasks: Record<string, (turn: number) => Promise<unknown>> = {
  backup: () => vault.backup({ to: place, recipients: [other] }),
  restore: () => vault.restore(source),
  into: (turn) =>
    restoreNew({ ...source, ...common }, { path: `${join(path, "..")}/new-${turn}.db`, key, label: "new" }),
};

process.stdout.write("ready\n");
await nextLine();
for (let turn = 0; ; turn += 1) {
  await tasks[task]?.(turn);
  process.stdout.write(`done ${turn}\n`);
}
