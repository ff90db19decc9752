import { readFileSync } from "node:fs";
import { systemClock } from "../../provider/core/clock.js";
import { isCoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";

// A process of its own that opens the vault at argv[2] with the key on stdin and prints the name, or the error's code.
const key = { keyText: new Secret(readFileSync(0, "utf8")) };
const vault = openEmbeddedVault({ path: process.argv[2] ?? "", key, actor: "other", clock: systemClock });
try {
  console.log((await vault.identity()).name);
} catch (error) {
  console.log(isCoffreError(error) ? error.code : String(error));
}
