import { createInterface } from "node:readline";
import { type Clock, systemClock } from "../../../provider/core/clock.js";
import { Secret } from "../../../provider/core/secret.js";
import { DEFAULT_BRAND } from "../../../provider/server/html/brand.js";
import { Delivery } from "../../../provider/server/mail/delivery.js";
import { Smtp } from "../../../provider/server/mail/smtp.js";
import { openEmbeddedVault } from "../../../provider/vault/embedded/embedded-vault.js";

/**
 * A process of its own that sends the mail of the vault at argv[2] to the server at port argv[3], until nothing is due, on a clock
 * that is argv[4] minutes ahead. The vault's key comes as a line on stdin.
 */
const [, , path = "", port = "", ahead = "0"] = process.argv;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const keyText = new Secret(String((await lines.next()).value));
const clock: Clock = Object.assign(Object.create(systemClock) as Clock, {
  now: () => new Date(Date.now() + Number(ahead) * 60_000),
});
const vault = openEmbeddedVault({ path, key: { keyText }, actor: "a worker", clock });
const delivery = new Delivery({
  outbox: vault.outbox,
  smtp: new Smtp({
    ...{ host: "127.0.0.1", port: Number(port), tls: "none", patienceMs: 20_000, verdictMs: 20_000 },
    from: { name: "", address: "drop@example.com" },
  }),
  style: { brand: DEFAULT_BRAND, language: "en", timeZone: "UTC" },
  domain: "example.com",
  clock,
  complain: (error) => process.stderr.write(`${String(error)}\n`),
});
process.stdout.write("ready\n");
while ((await delivery.sendDue()) > 0);
await vault.close();
process.stdout.write("done\n");
process.exit(0);
