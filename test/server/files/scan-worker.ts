import { createInterface } from "node:readline";
import { systemClock } from "../../../provider/core/clock.js";
import { isCoffreError } from "../../../provider/core/errors.js";
import { Secret } from "../../../provider/core/secret.js";
import { Scanner } from "../../../provider/server/files/scanner.js";
import { openEmbeddedVault } from "../../../provider/vault/embedded/embedded-vault.js";

/**
 * A process of its own that scans the files of the vault at argv[2] by the program at argv[3], which may write argv[4] bytes,
 * until it is killed, as the user whose id is argv[5]. The vault's key comes as a line on stdin.
 */
const [, , path = "", program = "", bytes = "", uid = ""] = process.argv;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const keyText = new Secret(String((await lines.next()).value));
process.setuid?.(Number(uid));
const vault = openEmbeddedVault({ path, key: { keyText }, actor: "a worker", clock: systemClock });
const scanner = new Scanner({
  vault,
  program: { argv: [program], seconds: 60, memoryBytes: 4e9, moreBytes: Number(bytes) },
  clock: systemClock,
  complain: (error) => process.stdout.write(`${isCoffreError(error) ? error.problem : String(error)}\n`),
});
await scanner.start();
process.stdout.write("ready\n");
