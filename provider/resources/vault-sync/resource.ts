import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";

/** What a program declares of a sync. */
export interface VaultSyncArgs {
  /** The source: a URL, or a name below `vaults`. Default: the vault of the resource's provider. */
  from?: pulumi.Input<string> | undefined;
  /** The destination: a URL, or a name below `vaults`. */
  to: pulumi.Input<string>;
  /** Only this category of the source, with what is below it. Default: the whole vault. */
  categoryId?: pulumi.Input<string> | undefined;
  /** The category of the destination below which the copies stand, names with `/` between them. Default: its root. A change moves the copies. */
  prefix?: pulumi.Input<string> | undefined;
  /** Path of the key file that opens the source. Default: what is configured for it. */
  fromKeyFile?: pulumi.Input<string> | undefined;
  /** Path of a file with the passphrase that opens the source. */
  fromPassphraseFile?: pulumi.Input<string> | undefined;
  /** Path of a file with the token for the source's server. */
  fromTokenFile?: pulumi.Input<string> | undefined;
  /** Path of the key file that opens the destination. Default: what is configured for it. */
  toKeyFile?: pulumi.Input<string> | undefined;
  /** Path of a file with the passphrase that opens the destination. */
  toPassphraseFile?: pulumi.Input<string> | undefined;
  /** Path of a file with the token for the destination's server. */
  toTokenFile?: pulumi.Input<string> | undefined;
  /** Takes copies away though all entries that were copied, or most of ten and more, are gone from the source. Default false: that is refused. */
  acceptRemovals?: pulumi.Input<boolean> | undefined;
  /** What becomes of the copies when the resource is deleted. Default `keep`: machines read on. `remove`: they are archived. */
  onDelete?: pulumi.Input<"keep" | "remove"> | undefined;
}

/**
 * Copies of entries in another vault, for machines to read: one way, and only current values. An `up` copies what has
 * changed since the last one. The state holds numbers and digests, no value.
 */
export class VaultSync extends pulumi.CustomResource {
  /** Id of the source. */
  declare readonly source: pulumi.Output<string>;
  /** Id of the destination. */
  declare readonly destination: pulumi.Output<string>;
  /** How many copies stand in the destination. */
  declare readonly copied: pulumi.Output<number>;
  /** Changes with each entry, version or place that was copied: for what should be told of it. */
  declare readonly digest: pulumi.Output<string>;

  constructor(name: string, args: VaultSyncArgs, opts: pulumi.CustomResourceOptions = {}) {
    const outputs = { source: undefined, destination: undefined, copied: undefined, digest: undefined };
    const properties = { ...args, ...outputs, ownerKey: declaredAt("VaultSync", name, opts) };
    super(
      "coffre:index:VaultSync",
      name,
      { ...properties, __provider: serialized("vault-sync") },
      dynamicOptions(opts),
    );
  }
}
