import * as pulumi from "@pulumi/pulumi";
import { declaredAt, dynamicOptions, serialized } from "../../shell/register.js";
import type { GrantRole } from "../../vault/port.js";

/** What a program declares of a grant. */
export interface GrantArgs {
  /** Id of the category. Default: the branch of `coffre:rootCategory`, else the root, and with it the whole tree. */
  categoryId?: pulumi.Input<string> | undefined;
  /** Id of the user or group that gets the role. */
  principalId: pulumi.Input<string>;
  /** `reader` reads values; `editor` also changes entries; `manager` also gives and takes grants. */
  role: pulumi.Input<GrantRole>;
  /** From then on it counts no more: a time with its zone, `2026-12-31T18:00:00Z`. Default: it has no end. */
  expiresAt?: pulumi.Input<string> | undefined;
  /** Takes over a grant that exists: by its id, or with `true` the one of this category and principal. */
  adopt?: pulumi.Input<true | string> | undefined;
}

/**
 * A role of a user or group in a category and in all below it, down to a category that doesn't inherit. In a vault that is
 * a file it is a declaration: whoever holds a key of the file reads all.
 */
export class Grant extends pulumi.CustomResource {
  declare readonly categoryId: pulumi.Output<string | undefined>;
  declare readonly principalId: pulumi.Output<string>;
  declare readonly role: pulumi.Output<GrantRole>;
  declare readonly expiresAt: pulumi.Output<string | undefined>;

  constructor(name: string, args: GrantArgs, opts: pulumi.CustomResourceOptions = {}) {
    const shown = { categoryId: undefined, expiresAt: undefined };
    const properties =
      opts.id === undefined
        ? { ...shown, ...args, ownerKey: declaredAt("Grant", name, opts) }
        : { ...shown, principalId: undefined, role: undefined };
    super("coffre:index:Grant", name, { ...properties, __provider: serialized("grant") }, dynamicOptions(opts));
  }

  /** The grant with this id, which another stack made: to read, not to change. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, opts: pulumi.CustomResourceOptions = {}): Grant {
    return new Grant(name, { principalId: "", role: "reader" }, { ...opts, id });
  }
}
