import { fillLargeTree } from "../../test/fixtures/large-tree.ts";
import { CommandProcess } from "./command-process.ts";
import { commandEnvironment, onFreshVault, vaultPlace } from "./fresh-vault.ts";
import { median } from "./statistics.ts";

const ROUNDS = 9;

/** Median of one `coffre access --json` over a company's tree, milliseconds, in a process that is warm from the second call on. */
export async function accessTreeMs(): Promise<number> {
  return onFreshVault(async (vault, _reopen, folder) => {
    await vault.close();
    const { path, keyFile } = vaultPlace(folder);
    await fillLargeTree(path, keyFile);
    const command = new CommandProcess(commandEnvironment(folder));
    try {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const { exitCode, ms } = await command.call(["access", "--json"]);
        if (exitCode !== 0) throw new Error(`coffre access ended with ${exitCode}`);
        times.push(ms);
      }
      return median(times);
    } finally {
      await command.stop();
    }
  });
}
