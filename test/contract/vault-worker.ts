import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../provider/core/clock.js";
import { isCoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import type { Vault } from "../../provider/vault/port.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { finish, stage, target } from "./vault-cases/steps.js";

/**
 * A process of its own that works on the vault at argv[2], as the word in argv[3] says, under the name in argv[4]. The
 * key comes on the first line of stdin, the start on the second. It prints one JSON line for what is durable.
 */
const [, , path = "", task = "", name = ""] = process.argv;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const nextLine = async () => String((await lines.next()).value);
const key = { keyText: new Secret(await nextLine()) };
const vault = openEmbeddedVault({ path, key, actor: name, clock: systemClock, source: name });
await vault.identity();
print({ ready: true });
await nextLine();

const tasks: Record<string, (vault: Vault) => Promise<void>> = {
  /** Creates entries in batches, for ever or `argv[5]` times. */
  async create() {
    for (let batch = 0; batch < Number(process.argv[5] ?? Infinity); batch += 1) {
      const inputs = Array.from({ length: 5 }, (_, index) => ({
        name: `${name}-${batch}-${index}`,
        categoryId: null,
        targets: [target(`${name}-${batch}-${index}`)],
        initial: { value: new Secret(`value of ${name}-${batch}-${index}`), causes: [] },
      }));
      await vault.createCredentials(inputs);
      print({ created: inputs.map((input) => input.name) });
    }
  },

  /** Rotates the credential named `shared`, for ever or `argv[5]` times. */
  async rotate() {
    const id = (await vault.findCredential(["shared"]))?.id ?? "";
    const { account } = target("shared");
    for (let turn = 0; turn < Number(process.argv[5] ?? Infinity); turn += 1) {
      const value = `${name} turn ${turn}`;
      const { lease, credential } = await patiently(() => vault.acquireLease(id, { holder: name, ttlSeconds: 60 }));
      const left = credential.journal.pending?.version;
      if (left !== undefined) await vault.record(lease, finish(left, account));
      const staged = await vault.record(lease, [stage(value, account)]);
      const version = staged.journal.pending?.version ?? 0;
      for (const step of finish(version, account)) await vault.record(lease, [step]);
      await vault.record(lease, [{ step: "release" }]);
      print({ promoted: version, value });
    }
  },
};

await tasks[task]?.(vault);
await vault.close();
process.stdin.destroy();

async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isCoffreError(error, "LOCKED")) throw error;
      await pause(5);
    }
  }
}

function print(fact: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}
