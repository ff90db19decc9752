import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { cacheFolder } from "../engine/version.ts";
import { startDatabase } from "./database.ts";
import { Stack } from "./engine.ts";
import { startMachine } from "./machine.ts";
import { findPlaces, isUp, shortPath } from "./places.ts";
import { done, print, rows, Trouble } from "./screen.ts";
import { isOurConfiguration } from "./up.ts";

/** Takes everything down that the quickstart made, after saying what that is. */
export async function takeDown(): Promise<void> {
  const places = findPlaces();
  const { data, vault, key, stackFile, configuration } = places;
  if (!isUp(places)) {
    print("There is nothing of the quickstart to take down.");
    return;
  }
  print("This removes:");
  rows([
    ["the stack", "its accounts are disabled, its entries are archived"],
    ["the machine", "with its disk, if there is one"],
    ["the PostgreSQL server", `with its data in ${shortPath(places.postgres)}`],
    [shortPath(data), "with the vault: what only it holds is lost"],
    [shortPath(key), "the vault's key"],
    ["in this checkout", "coffre.yaml and Pulumi.quickstart.yaml"],
  ]);
  print(`It leaves the Pulumi engine in ${shortPath(cacheFolder())}, what coffre remembers of vaults below`);
  print(`${shortPath(places.remembered)}, and your own vaults and configuration.`);
  print();

  if (existsSync(data)) {
    const server = await startDatabase(places);
    const machine = existsSync(places.machine) ? await startMachine(places) : undefined;
    const stack = await Stack.open(places);
    if (stack.exists && existsSync(vault)) {
      try {
        await stack.destroy();
        done("stack", "destroyed");
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        // Nothing outside these folders depends on the stack, so they can go all the same.
        print(`      ${error.message.replaceAll("\n", "\n      ")}`);
        print("      The rest is removed all the same: only the quickstart knows this stack.");
      }
    }
    if (machine) {
      await machine.remove();
      done("machine", "stopped and removed");
    }
    await server.remove();
    done("PostgreSQL", "stopped and removed");
  }
  await rm(data, { recursive: true, force: true });
  await rm(key, { force: true });
  await rm(stackFile, { force: true });
  if (await isOurConfiguration(places)) await rm(configuration);
  done("files", "removed");
}
