import * as z from "zod";
import { dropEmpty, type Properties } from "../values.js";

const Place = z.string().min(1);

/** What a stack author declares, as it reaches the handlers. */
export const VaultSyncInputs = z.strictObject({
  /** A URL, or a name below `vaults`. Default: the vault of the resource's provider. */
  from: Place.optional(),
  to: Place,
  categoryId: Place.optional(),
  /** Names with `/` between them. */
  prefix: Place.optional(),
  fromKeyFile: Place.optional(),
  fromPassphraseFile: Place.optional(),
  fromTokenFile: Place.optional(),
  toKeyFile: Place.optional(),
  toPassphraseFile: Place.optional(),
  toTokenFile: Place.optional(),
  /** Takes copies away though most of the source's entries are gone. Default false. */
  acceptRemovals: z.boolean().optional(),
  onDelete: z.enum(["keep", "remove"]).optional(),
  ownerKey: z.string().min(1),
});
export type VaultSyncInputs = z.infer<typeof VaultSyncInputs>;

/** What the provider adds to the inputs in the state: numbers and digests, no value. */
export const VaultSyncOutputs = z.object({
  /** Ids of the two vaults. */
  source: z.string().optional(),
  destination: z.string().optional(),
  /** How many copies stand there. */
  copied: z.int().optional(),
  /** Of what travels and where to, see `SyncReport.digest`. */
  digest: z.string().optional(),
  status: z.enum(["done", "unfinished"]).optional(),
});

/** A sync's state as the engine keeps it. */
export type VaultSyncState = Partial<VaultSyncInputs> & z.infer<typeof VaultSyncOutputs>;

const INPUT_KEYS = Object.keys(VaultSyncInputs.shape);

/** The inputs among a resource's properties. */
export function pickInputs(properties: Properties): Record<string, unknown> {
  return dropEmpty(Object.fromEntries(INPUT_KEYS.map((key) => [key, properties[key]])));
}

export function parseState(properties: Properties): VaultSyncState {
  const outputs = VaultSyncOutputs.safeParse(dropEmpty(properties));
  // The inputs in a state passed `check` when they were written.
  return { ...(pickInputs(properties) as Partial<VaultSyncInputs>), ...(outputs.data ?? {}) };
}
