import * as pulumi from "@pulumi/pulumi";
import type { Configuration } from "../config/index.js";
import { systemClock } from "../core/clock.js";
import type { Vault } from "../vault/port.js";
import { actor } from "./actor.js";

/** What a provider instance is configured to, as its `settings` show it. */
export type Settings = Readonly<Record<string, string>>;

/** False where a preview may ask nothing of the vault (`coffre:previewReads`). */
export async function mayRead(settings: Settings): Promise<boolean> {
  return !pulumi.runtime.isDryRun() || (await configured(settings)).previewReads;
}

/** The settings in force. @throws CoffreError CONFIGURATION */
export async function configured(settings: Settings): Promise<Configuration> {
  const { configurationOf } = await import("./settings.js");
  return configurationOf((key) => settings[key]);
}

// One vault for each configuration; a program's process ends with its run, and the vault with it.
const vaults = new Map<string, Promise<Vault>>();

/** The vault of these settings, opened in the program's own process once. @throws CoffreError what opening throws */
export function vaultFor(settings: Settings): Promise<Vault> {
  const key = JSON.stringify(settings);
  const known = vaults.get(key) ?? open(settings);
  vaults.set(key, known);
  return known;
}

async function open(settings: Settings): Promise<Vault> {
  // A program that reads nothing loads no vault, and nothing that configures one.
  const { connectVault } = await import("../vault/open.js");
  return connectVault(await configured(settings), { actor: actor("pulumi program"), clock: systemClock });
}
